from cluster.execution.retry import MAX_ATTEMPTS, Decision, Loss, decide


def test_a_dead_process_is_tried_again_up_to_the_cap():
    decisions = [decide(Loss.PROCESS_DIED, attempt, 4) for attempt in range(1, MAX_ATTEMPTS + 1)]
    assert decisions == [Decision.REQUEUE] * (MAX_ATTEMPTS - 1) + [Decision.GIVE_UP]


def test_out_of_memory_splits_while_there_is_something_to_split():
    assert decide(Loss.OUT_OF_MEMORY, MAX_ATTEMPTS + 5, 2) is Decision.SPLIT
    assert decide(Loss.OUT_OF_MEMORY, 1, 1) is Decision.REQUEUE
    assert decide(Loss.OUT_OF_MEMORY, MAX_ATTEMPTS, 1) is Decision.GIVE_UP


def test_a_time_out_is_final_for_this_run():
    assert decide(Loss.TIMED_OUT, 1, 8) is Decision.GIVE_UP
