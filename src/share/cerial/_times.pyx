"""Dates and times as bytes."""

from cpython.datetime cimport (
    PyDateTime_DATE_GET_FOLD,
    PyDateTime_TIME_GET_FOLD,
    date_new,
    datetime_new,
    import_datetime,
    time_new,
    timedelta_new,
)
from cpython.datetime cimport (
    date_day,
    date_month,
    date_year,
    datetime_day,
    datetime_hour,
    datetime_microsecond,
    datetime_minute,
    datetime_month,
    datetime_second,
    datetime_tzinfo,
    datetime_year,
    get_utc,
    time_hour,
    time_microsecond,
    time_minute,
    time_second,
    time_tzinfo,
    timedelta_days,
    timedelta_microseconds,
    timedelta_seconds,
)
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from share.cerial cimport _tags as tags

import_datetime()

cdef object UTC = get_utc()

cdef packed struct Day:
    uint16_t year
    uint8_t month
    uint8_t day

cdef packed struct Clock:
    uint8_t hour
    uint8_t minute
    uint8_t second
    uint32_t microsecond
    uint8_t zone

cdef packed struct Span:
    int32_t days
    int32_t seconds
    int32_t microseconds


cdef Py_ssize_t put_time(object value, int tag, char* to) noexcept:
    cdef Day day
    cdef Clock clock
    cdef Span span
    to[0] = <char>tag
    to += 1
    if tag == tags.TIMEDELTA:
        span = Span(timedelta_days(value), timedelta_seconds(value), timedelta_microseconds(value))
        memcpy(to, &span, sizeof(Span))
        return 1 + sizeof(Span)
    if tag == tags.DATE:
        day = Day(date_year(value), date_month(value), date_day(value))
        memcpy(to, &day, sizeof(Day))
        return 1 + sizeof(Day)
    if tag == tags.TIME:
        zone = time_tzinfo(value)
        clock = Clock(
            time_hour(value), time_minute(value), time_second(value), time_microsecond(value),
            PyDateTime_TIME_GET_FOLD(value),
        )
    else:
        zone = datetime_tzinfo(value)
        day = Day(datetime_year(value), datetime_month(value), datetime_day(value))
        memcpy(to, &day, sizeof(Day))
        to += sizeof(Day)
        clock = Clock(
            datetime_hour(value), datetime_minute(value), datetime_second(value), datetime_microsecond(value),
            PyDateTime_DATE_GET_FOLD(value),
        )
    if zone is UTC:
        clock.zone |= 2
    elif zone is not None:
        return 0
    memcpy(to, &clock, sizeof(Clock))
    return 1 + body_size(tag)


cdef Py_ssize_t body_size(int tag) noexcept:
    if tag == tags.TIMEDELTA:
        return sizeof(Span)
    if tag == tags.DATE:
        return sizeof(Day)
    return sizeof(Clock) if tag == tags.TIME else sizeof(Day) + sizeof(Clock)


cdef object get_time(int tag, const char* at):
    cdef Day day
    cdef Clock clock
    cdef Span span
    if tag == tags.TIMEDELTA:
        memcpy(&span, at, sizeof(Span))
        return timedelta_new(span.days, span.seconds, span.microseconds)
    if tag != tags.TIME:
        memcpy(&day, at, sizeof(Day))
        at += sizeof(Day)
        if tag == tags.DATE:
            return date_new(day.year, day.month, day.day)
    memcpy(&clock, at, sizeof(Clock))
    if clock.zone > 3 or clock.microsecond > 999999:
        raise ValueError("impossible time")
    zone = UTC if clock.zone & 2 else None
    if tag == tags.TIME:
        return time_new(
            clock.hour, clock.minute, clock.second, clock.microsecond, zone, clock.zone & 1
        )
    return datetime_new(
        day.year, day.month, day.day, clock.hour, clock.minute, clock.second, clock.microsecond, zone,
        clock.zone & 1,
    )
