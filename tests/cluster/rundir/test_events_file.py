import json

from cluster.rundir.events_file import EVENTS, append_events
from cluster.rundir.storage import Storage
from tests.cluster.batches import WORK, report_of


def test_reports_are_appended_one_a_line(tmp_path):
    storage = Storage(str(tmp_path))
    append_events(storage, [])
    assert not storage.exists(EVENTS)
    append_events(storage, [report_of("b1", ("long on purchase: too short",)), report_of("b2")])
    append_events(storage, [report_of("b3")])
    lines = [json.loads(line) for line in (tmp_path / EVENTS).read_text().splitlines()]
    assert [line["batch_id"] for line in lines] == ["b1", "b2", "b3"]
    assert lines[0]["failures"] == ["long on purchase: too short"]
    assert lines[0].keys() == WORK.keys() | {"failures", "write_seconds", "wait_seconds", "epochs", "loss", "digest"}
