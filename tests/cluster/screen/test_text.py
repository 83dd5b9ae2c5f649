from cluster.screen.text import fits_windows, number, period, share


def test_numbers():
    assert (number(None), number(3.14159), share(float("nan")), share(0.251)) == ("-", "3.14", "", "25%")


def test_windows_are_shown_where_there_is_room():
    assert fits_windows(130, 4)
    assert not fits_windows(129, 4)


def test_points_are_for_one_period():
    assert (period("weeks"), period("work days")) == ("a week", "a work day")
