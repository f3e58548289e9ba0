"""datetime-handler: dates and times read, moved and compared, with dateutil and the IANA time zones."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from datetime import timezone as fixed
from typing import TYPE_CHECKING, Any, Literal

from llmspell import tool
from llmspell.errors import InvalidRequest

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Unit = Literal["years", "months", "weeks", "days", "hours", "minutes", "seconds"]
_DAYS = {"today": 0, "now": 0, "tomorrow": 1, "yesterday": -1}
_FORMATS = {
    "ISO 8601": "%Y-%m-%dT%H:%M:%S%z",
    "date": "%Y-%m-%d",
    "time": "%H:%M:%S",
    "RFC 2822": "%a, %d %b %Y %H:%M:%S %z",
    "US": "%m/%d/%Y",
    "European": "%d.%m.%Y",
    "long": "%A, %d %B %Y",
    "12 hours": "%I:%M %p",
}
_LONGEST = 200
"""Characters of an input or a format."""


@tool(
    name="datetime-handler",
    category="time",
    parallel=True,
    examples=[
        (
            "How many days lie between 1 May and 9 August 2024?",
            {"operation": "difference", "start": "2024-05-01", "end": "2024-08-09"},
        ),
        ("What time is it in Lima?", {"operation": "now", "timezone": "America/Lima"}),
        ("Tell me which day we have now.", {"operation": "now"}),
        (
            "Which date is 6 weeks after 3 March 2025?",
            {"operation": "add", "input": "2025-03-03", "amount": 6, "unit": "weeks"},
        ),
        (
            "When it is 14:30 in Oslo on 2 June 2025, what time is it in Cairo?",
            {
                "operation": "convert_timezone",
                "input": "2025-06-02 14:30",
                "timezone": "Europe/Oslo",
                "target_timezone": "Africa/Cairo",
            },
        ),
    ],
)
def datetime_handler(
    operation: Literal["parse", "now", "convert_timezone", "add", "subtract", "difference", "info", "formats"],
    input: str | None = None,
    timezone: str | None = None,
    target_timezone: str | None = None,
    amount: float | None = None,
    unit: Unit = "days",
    start: str | None = None,
    end: str | None = None,
    format: str | None = None,
) -> dict[str, Any]:
    """Tell the current date and time, convert between time zones, add days to a date, or count the time between dates.

    Args:
        operation: What is done.
        input: The date and time, best as YYYY-MM-DD HH:MM.
        timezone: Time zone of the input, or of now; an IANA name.
        target_timezone: Time zone to convert to.
        amount: How much is added or subtracted.
        unit: Unit of the amount.
        start: Where a difference begins.
        end: Where a difference ends.
        format: How the result is written, in the codes of strftime.
    """
    zone = _zone(timezone) if timezone else None
    if operation == "now":
        return _told("datetime", datetime.now(zone).astimezone(zone), format) | {
            "timezone": zone.key if zone else "local"
        }
    if operation == "parse":
        return _told("parsed", _read(input, zone, "input"), format)
    if operation == "convert_timezone":
        if not target_timezone:
            raise InvalidRequest("convert_timezone needs target_timezone")
        target = _zone(target_timezone)
        moment = _converted(_read(input, zone, "input"), target)
        return _told("converted", moment, format) | {"timezone": target.key}
    if operation in ("add", "subtract"):
        if amount is None:
            raise InvalidRequest(f"{operation} needs amount, a number of {unit}")
        return _told(
            "datetime", _moved(_read(input, zone, "input"), amount if operation == "add" else -amount, unit), format
        )
    if operation == "difference":
        return _difference(_read(start, zone, "start"), _read(end, zone, "end"))
    if operation == "info":
        return _info(_read(input, zone, "input"))
    moment = _read(input, zone, "input") if input else datetime.now(zone).astimezone(zone)
    return {"formats": {name: {"format": code, "example": moment.strftime(code)} for name, code in _FORMATS.items()}}


def _zone(name: str) -> ZoneInfo:
    """A time zone by its name, or by its city, as people and small models name them."""
    from zoneinfo import ZoneInfo, available_timezones

    name = name.strip()
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # LookupError: ZoneInfoNotFoundError, the usual one
        city = name.rpartition("/")[2].replace(" ", "_").lower()
        found = [zone for zone in available_timezones() if zone.lower().endswith(f"/{city}")]
        if len(found) == 1:
            return ZoneInfo(found[0])
    raise InvalidRequest(f"there is no time zone '{name}'", hint="names are those of IANA, as in Europe/Oslo, and UTC")


def _read(text: str | None, zone: tzinfo | None, name: str) -> datetime:
    """Read a date and time; what says no time zone of its own is of ``zone``, or of none."""
    if not text:
        raise InvalidRequest(f"there is no {name}, a date and time")
    if len(text) > _LONGEST:
        raise InvalidRequest(f"{name} has {len(text)} characters, too many for a date")
    try:
        moment = _parsed(text.strip(), zone)
    except (ValueError, OverflowError, OSError, TypeError) as error:
        raise InvalidRequest(f"{name} is '{text}', which is not a date: write YYYY-MM-DD HH:MM") from error
    return moment if moment.tzinfo or zone is None else moment.replace(tzinfo=zone)


def _parsed(text: str, zone: tzinfo | None) -> datetime:
    from dateutil import parser

    if text.lower() in _DAYS:
        moment = datetime.now(zone) + timedelta(days=_DAYS[text.lower()])
        return moment if text.lower() == "now" else moment.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        seconds = float(text) if len(text) > len("20250101") else None
    except ValueError:
        seconds = None
    if seconds is not None:
        return datetime.fromtimestamp(seconds, fixed.utc)
    return parser.parse(text, tzinfos=_abbreviated)


def _abbreviated(name: str | None, offset: int | None) -> tzinfo | None:
    if offset is not None:
        return fixed(timedelta(seconds=offset))
    return _zone(name) if name else None


def _converted(moment: datetime, zone: tzinfo) -> datetime:
    """The same moment in another time zone; without one of its own it is of UTC."""
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=fixed.utc)).astimezone(zone)
    except OverflowError as error:
        raise InvalidRequest(f"{moment.isoformat()} is no date of the years 1 to 9999 there") from error


def _moved(moment: datetime, amount: float, unit: Unit) -> datetime:
    """Years to days go by the calendar, so that the clock shows the same; the rest is time that passes."""
    from dateutil.relativedelta import relativedelta

    try:
        if unit in ("years", "months"):
            if not amount.is_integer():
                raise InvalidRequest(f"amount is {amount}, and {unit} can only be added whole")
            return moment + relativedelta(**{unit: int(amount)})  # type: ignore[arg-type]
        length = timedelta(**{unit: amount})
        if unit in ("weeks", "days") or moment.tzinfo is None:
            return moment + length
        return (moment.astimezone(fixed.utc) + length).astimezone(moment.tzinfo)
    except (OverflowError, ValueError) as error:
        raise InvalidRequest(
            f"{amount:g} {unit} from {moment.isoformat()} is no date of the years 1 to 9999"
        ) from error


def _difference(start: datetime, end: datetime) -> dict[str, Any]:
    if start.tzinfo or end.tzinfo:  # of two moments in one zone Python would subtract what the clocks show
        start, end = _converted(start, fixed.utc), _converted(end, fixed.utc)
    length = end - start
    seconds = length.total_seconds()
    whole = abs(length)
    hours, rest = divmod(whole.seconds, 3600)
    parts = {"days": whole.days, "hours": hours, "minutes": rest // 60, "seconds": rest % 60}
    text = ", ".join(f"{count} {name if count != 1 else name[:-1]}" for name, count in parts.items() if count)
    sign = "-" if seconds < 0 else ""
    return {"difference": sign + text if text else "0 seconds", "total_days": seconds / 86400, "total_seconds": seconds}


def _info(moment: datetime) -> dict[str, Any]:
    from calendar import isleap, monthrange

    return {
        "datetime": moment.isoformat(),
        "year": moment.year,
        "month": moment.month,
        "month_name": moment.strftime("%B"),
        "day": moment.day,
        "weekday": moment.strftime("%A"),
        "is_weekend": moment.weekday() >= 5,
        "day_of_year": moment.timetuple().tm_yday,
        "week": moment.isocalendar().week,
        "quarter": (moment.month + 2) // 3,
        "days_in_month": monthrange(moment.year, moment.month)[1],
        "leap_year": isleap(moment.year),
    } | ({"timestamp": moment.timestamp()} if moment.tzinfo else {})


def _told(key: str, moment: datetime, format: str | None) -> dict[str, Any]:
    if moment.microsecond:
        moment = moment.replace(microsecond=0)
    told: dict[str, Any] = {key: moment.isoformat(), "weekday": moment.strftime("%A")}
    if format is None:
        return told
    if len(format) > _LONGEST:
        raise InvalidRequest(f"format has {len(format)} characters, too many for a date")
    try:
        return told | {"formatted": moment.strftime(format)}
    except ValueError as error:
        raise InvalidRequest(f"'{format}' is not a format of strftime: {error}") from error
