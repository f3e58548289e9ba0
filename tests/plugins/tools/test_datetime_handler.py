"""datetime-handler."""

from datetime import datetime, timedelta, timezone

import pytest

from llmspell.errors import InvalidRequest


@pytest.fixture
def handle(call):
    return lambda operation, **arguments: call("datetime-handler", {"operation": operation, **arguments})


def test_now(handle):
    before = datetime.now(timezone.utc).replace(microsecond=0)
    told = {zone: handle("now", timezone=zone) for zone in ("UTC", "America/Lima", "Asia/Tokyo")}
    here = handle("now")
    after = datetime.now(timezone.utc)
    for answer in (*told.values(), here):
        assert before <= datetime.fromisoformat(answer["datetime"]) <= after
    assert told["America/Lima"]["datetime"].endswith("-05:00")
    assert told["Asia/Tokyo"]["timezone"] == "Asia/Tokyo"
    assert here["timezone"] == "local"


@pytest.mark.parametrize("name", ["Asia/Tokyo", "Tokyo", "tokyo", "America/Tokyo", " Asia/Tokyo "])
def test_a_time_zone_goes_by_its_city_too(handle, name):
    assert handle("now", timezone=name)["timezone"] == "Asia/Tokyo"
    assert (
        handle("convert_timezone", input="2025-01-02 14:30", target_timezone="new york")["timezone"]
        == "America/New_York"
    )


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("2025-03-03", "2025-03-03T00:00:00"),
        ("2025-03-03 14:30", "2025-03-03T14:30:00"),
        ("2025-03-03T14:30:05Z", "2025-03-03T14:30:05+00:00"),
        ("2025-03-03T14:30:05.678+02:00", "2025-03-03T14:30:05+02:00"),
        ("3 March 2025", "2025-03-03T00:00:00"),
        ("March 3, 2025 2:30 PM", "2025-03-03T14:30:00"),
        ("Mon, 03 Mar 2025 14:30:05 +0100", "2025-03-03T14:30:05+01:00"),
        ("20250303", "2025-03-03T00:00:00"),
        ("1741012205", "2025-03-03T14:30:05+00:00"),
        ("2025-03-03 14:30 EST", "2025-03-03T14:30:00-05:00"),
    ],
)
def test_parse(handle, text, parsed):
    assert handle("parse", input=text) == {"parsed": parsed, "weekday": "Monday"}


def test_a_zone_is_for_what_has_none_of_its_own(handle):
    assert handle("parse", input="2025-06-02", timezone="Europe/Oslo")["parsed"] == "2025-06-02T00:00:00+02:00"
    assert handle("parse", input="2025-06-02T00:00Z", timezone="Europe/Oslo")["parsed"] == "2025-06-02T00:00:00+00:00"


def test_words_for_days(handle):
    days = [handle("parse", input=word, timezone="UTC")["parsed"] for word in ("yesterday", "Today", "tomorrow")]
    first, second, third = map(datetime.fromisoformat, days)
    assert third - second == second - first == timedelta(days=1)
    assert abs(datetime.now(timezone.utc) - second) < timedelta(days=2)
    assert handle("parse", input="now", timezone="UTC")["parsed"] >= days[1]


def test_format(handle):
    answer = handle("parse", input="2025-03-03 14:30", format="%d.%m.%y %H Uhr")
    assert answer["formatted"] == "03.03.25 14 Uhr"


@pytest.mark.parametrize(
    ("text", "zone", "target", "converted"),
    [
        ("2025-06-02 14:30", "Europe/Oslo", "Africa/Cairo", "2025-06-02T15:30:00+03:00"),
        ("2025-01-02 14:30", "Europe/Oslo", "America/New_York", "2025-01-02T08:30:00-05:00"),
        ("2025-01-02 14:30", None, "Asia/Tokyo", "2025-01-02T23:30:00+09:00"),
        ("2025-01-02T14:30+01:00", "Asia/Tokyo", "UTC", "2025-01-02T13:30:00+00:00"),
    ],
)
def test_convert_timezone(handle, text, zone, target, converted):
    given = {"timezone": zone} if zone else {}
    answer = handle("convert_timezone", input=text, target_timezone=target, **given)
    assert (answer["converted"], answer["timezone"]) == (converted, target)


@pytest.mark.parametrize(
    ("text", "amount", "unit", "datetime"),
    [
        ("2025-03-03", 6, "weeks", "2025-04-14T00:00:00"),
        ("2025-01-31", 1, "months", "2025-02-28T00:00:00"),
        ("2024-02-29", 1, "years", "2025-02-28T00:00:00"),
        ("2025-12-31 23:59:30", 45, "seconds", "2026-01-01T00:00:15"),
        ("2025-03-03", 1.5, "days", "2025-03-04T12:00:00"),
        ("2025-03-03", -90, "minutes", "2025-03-02T22:30:00"),
    ],
)
def test_add_and_subtract(handle, text, amount, unit, datetime):
    assert handle("add", input=text, amount=amount, unit=unit)["datetime"] == datetime
    assert handle("subtract", input=text, amount=-amount, unit=unit)["datetime"] == datetime


def test_days_go_by_the_clock_and_hours_by_time(handle):
    night = {"input": "2025-03-29 12:00", "timezone": "Europe/Oslo"}  # the clocks go forward in it
    assert handle("add", amount=1, unit="days", **night)["datetime"] == "2025-03-30T12:00:00+02:00"
    assert handle("add", amount=24, unit="hours", **night)["datetime"] == "2025-03-30T13:00:00+02:00"


@pytest.mark.parametrize(
    ("start", "end", "difference", "days"),
    [
        ("2024-05-01", "2024-08-09", "100 days", 100),
        ("2024-08-09", "2024-05-01", "-100 days", -100),
        ("2025-01-01", "2025-01-02 03:04:05", "1 day, 3 hours, 4 minutes, 5 seconds", 1.1278356481481482),
        ("2025-01-01", "2025-01-01", "0 seconds", 0),
        ("2025-01-01T00:00+01:00", "2025-01-01T00:00Z", "1 hour", 1 / 24),
        ("2025-01-01T00:00Z", "2025-01-02", "1 day", 1),
    ],
)
def test_difference(handle, start, end, difference, days):
    answer = handle("difference", start=start, end=end)
    assert answer == {"difference": difference, "total_days": days, "total_seconds": days * 86400}


def test_a_difference_across_a_change_of_clocks_is_the_time_that_passes(handle):
    answer = handle("difference", start="2025-03-29 12:00", end="2025-03-30 12:00", timezone="Europe/Oslo")
    assert answer["difference"] == "23 hours"


def test_info(handle):
    assert handle("info", input="2024-02-29 10:00", timezone="UTC") == {
        "datetime": "2024-02-29T10:00:00+00:00",
        "year": 2024,
        "month": 2,
        "month_name": "February",
        "day": 29,
        "weekday": "Thursday",
        "is_weekend": False,
        "day_of_year": 60,
        "week": 9,
        "quarter": 1,
        "days_in_month": 29,
        "leap_year": True,
        "timestamp": 1709200800.0,
    }
    assert "timestamp" not in handle("info", input="2024-02-29")


def test_formats(handle):
    formats = handle("formats", input="2025-03-03 14:30")["formats"]
    assert formats["12 hours"] == {"format": "%I:%M %p", "example": "02:30 PM"}
    assert set(handle("formats")["formats"]) == set(formats)


@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        ("parse", {}, "there is no input"),
        ("parse", {"input": "not a date"}, "not a date: write YYYY-MM-DD"),
        ("parse", {"input": "2025-02-30"}, "not a date"),
        ("parse", {"input": "2025-02-01 12:00 XYZ"}, "no time zone 'XYZ'"),
        ("parse", {"input": "9" * 150}, "not a date"),
        ("parse", {"input": "1" * 1000}, "1000 characters"),
        ("parse", {"input": "2025-02-01", "format": "%" * 1000}, "1000 characters"),
        ("now", {"timezone": "Mars/Base"}, "no time zone 'Mars/Base'"),
        ("now", {"timezone": "../../etc/passwd"}, "no time zone"),
        ("now", {"timezone": "/etc/localtime"}, "no time zone"),
        ("now", {"timezone": "Europe"}, "no time zone"),
        ("convert_timezone", {"input": "2025-02-01"}, "needs target_timezone"),
        ("convert_timezone", {"input": "2025-02-01", "target_timezone": "X/Y"}, "no time zone 'X/Y'"),
        ("add", {"input": "2025-02-01"}, "needs amount"),
        ("add", {"input": "2025-02-01", "amount": 0.5, "unit": "months"}, "only be added whole"),
        ("add", {"input": "2025-02-01", "amount": 1e300, "unit": "days"}, "years 1 to 9999"),
        ("add", {"input": "2025-02-01", "amount": 1e5, "unit": "years"}, "years 1 to 9999"),
        ("convert_timezone", {"input": "9999-12-31 23:00", "target_timezone": "Asia/Tokyo"}, "years 1 to 9999"),
        ("difference", {"start": "2025-02-01"}, "there is no end"),
    ],
)
def test_what_is_wrong(handle, operation, arguments, message):
    with pytest.raises(InvalidRequest) as caught:
        handle(operation, **arguments)
    assert message in caught.value.message
