"""Strings that hold a card's number, a phone number or a mail address, and strings that only look so.

All numbers are published test numbers of payment networks, 555 numbers, and made-up ids; all hosts are example.com.
What is spelled in words is in it too, although it is known not to be found.
"""

from __future__ import annotations

import hashlib
import uuid
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Secret(NamedTuple):
    """A secret in a text: its kind, what is before it, how it is written, what is after it."""

    kind: str
    before: str
    written: str
    after: str

    @property
    def text(self) -> str:
        return self.before + self.written + self.after


CARDS = [
    *("4111111111111111", "4012888888881881", "4242424242424242", "4000056655665556", "4222222222222"),
    *("5555555555554444", "5105105105105100", "5200828282828210", "2223003122003222"),
    *("378282246310005", "371449635398431", "378734493671000"),
    *("6011111111111117", "6011000990139424", "3056930009020004", "36227206271667", "30569309025904"),
    *("3566002020360505", "3530111333300000", "6200000000000005"),
]
"""Published test numbers of Visa, Mastercard, American Express, Discover, Diners Club, JCB and UnionPay."""

PHONES = ["2125550123", "5550100123", "4155550199", "8005550142", "3035550177", "6175550111", "7025550166"]
"""Ten digits each, with 555."""

ADDRESSES = [
    *("ada@example.com", "john.doe@example.com", "first+tag@example.org", "o'neil_1%x@mail-1.example.com"),
    *(
        "a@b.example.co.uk",
        "J.R.Hartley@EXAMPLE.NET",
        "jürgen@bücher.example",
        "用户@example.com",
        "x_1@sub.sub.example.io",
    ),
]

ARABIC, DEVANAGARI, FULLWIDTH = 0x0660, 0x0966, 0xFF10
BEFORE = cycle(["My number is ", "Take ", "It's ", "Yes: ", "so, ", "(as I said) ", '{"said": "'])
AFTER = cycle([", please.", "", ". Thanks!", " and that is all", "; ok?", '"}'])


def in_script(number: str, zero: int) -> str:
    return "".join([chr(zero + int(digit)) if digit.isdigit() else digit for digit in number])


def grouped(number: str, separator: str) -> str:
    """The groups in which a card shows its number."""
    sizes = (4, 6, 5) if len(number) == 15 else (4, 6, 4) if len(number) == 14 else (4, 4, 4, 4)
    places = [sum(sizes[:count]) for count in range(len(sizes) + 1)]
    return separator.join(number[one:two] for one, two in pairwise(places))


def card_forms(number: str) -> Iterator[str]:
    yield number
    for separator in (" ", "-", ", ", ". ", "\n", "\r\n", "\t", "\u00a0", "\u202f", "\u200b", "\u2011", "_", " - "):
        yield grouped(number, separator)
    for separator in (" ", ", ", ",", "-", ". "):
        yield separator.join(number)
    yield "\ufe0f\u20e3".join(number)
    for zero in (ARABIC, DEVANAGARI, FULLWIDTH):
        yield in_script(grouped(number, " "), zero)


def phone_forms(number: str) -> Iterator[str]:
    area, office, line = number[:3], number[3:6], number[6:]
    yield number
    yield f"+1{number}"
    yield f"1-{area}-{office}-{line}"
    yield f"({area}) {office}-{line}"
    yield f"+1 ({area}) {office}-{line}"
    yield f"({area})\n{office}-{line}"
    for separator in (" ", "-", ".", ", ", "\n", "\t", "\u00a0", "\u200b", "\u2011", "/", "_"):
        yield separator.join((area, office, line))
    yield f"+1{separator}".join(("", ".".join((area, office, line)))).replace("_", ".")
    for separator in (" ", ", ", ",", ". ", "-"):
        yield separator.join(number)
    for zero in (ARABIC, DEVANAGARI, FULLWIDTH):
        yield in_script(f"{area}-{office}-{line}", zero)
    yield f"00 1 {area} {office} {line}"
    yield f"\uff0b1 {area} {office} {line}"


def mail_forms(address: str) -> Iterator[str]:
    name, _, host = address.partition("@")
    yield address
    yield f"{name}@\n{host}"
    yield f"{name}\n@{host}"
    yield f"{name}\u200b@{host}"
    yield f"{name}@{host.replace('.', chr(0x200B) + '.')}"
    yield f"{name}\uff20{host}"
    yield address.upper()


ABROAD = ["+49 30 5550123", "0049 30 5550123", "030/5550123", "0171 5550123", "+44 20 5550 0123", "+33 5 55 01 01 23"]
ABROAD += ["05 55 01 01 23", "05.55.01.01.23", "+91 55501 00123", "55501 00123", "+49 (0)30 555 01 23", "555 010 012"]
ABROAD += ["+353 1 555 0123", "+61 2 5550 0123", "(11) 95555-0123", "555-0123", "+555 12 34567"]


def secrets() -> Iterator[Secret]:
    for number in CARDS:
        for form in card_forms(number):
            yield Secret("card", next(BEFORE), form, next(AFTER))
    for number in CARDS[:6]:
        yield Secret("card", "PAN", number, "")
        yield Secret("card", "cc#", number, "EUR")
        yield Secret("card", "It is card", grouped(number, " "), "exp, thanks")
        yield Secret("card", "[", grouped(number, ", "), "]")
        yield Secret("card", '["', grouped(number, '", "'), '"]')
    for number in PHONES:
        for form in phone_forms(number):
            yield Secret("phone", next(BEFORE), form, next(AFTER))
        yield Secret("phone", "tel", number, "")
        yield Secret("phone", "Phone:", number, "x12")
        yield Secret("phone", "call me,", f"+1{number}", "!")
    for form in ABROAD:
        yield Secret("phone", next(BEFORE), form, next(AFTER))
    for address in ADDRESSES:
        for form in mail_forms(address):
            yield Secret("email", next(BEFORE), form, next(AFTER))
        yield Secret("email", "mailto:", address, "?subject=x")
        yield Secret("email", "<", address, ">,")
    yield from hard()


def hard() -> Iterator[Secret]:
    """What nobody finds by digits and signs alone."""
    yield Secret("card", "It is ", "four one one one, one one one one, one one one one, one one one one", ".")
    yield Secret("card", "It is ", "4111 and then 1111 and then 1111 and then 1111", ".")
    yield Secret("card", "It is ", "4111 dash 1111 dash 1111 dash 1111", ".")
    yield Secret("card", "It is ", "4lll llll llll llll", ".")
    yield Secret("card", "It is ", "41 double one, 1111 1111 1111", ".")
    yield Secret("phone", "Call ", "five five five, zero one zero, zero one two three", ".")
    yield Secret("phone", "Call ", "555 O1O O123", ".")
    yield Secret("phone", "Call ", "area code 212, then 555, then 0123", ".")
    yield Secret("email", "Write to ", "john dot doe at example dot com", ".")
    yield Secret("email", "Write to ", "john.doe (at) example (dot) com", ".")
    yield Secret("email", "Write to ", "john.doe @ example.com", ".")


TRUE = list(secrets())


def innocent() -> Iterator[str]:
    for number in range(24):
        day, month, year = number % 28 + 1, number % 12 + 1, 2019 + number % 9
        hour, minute = number, (7 * number) % 60
        yield f"It was on {year}-{month:02}-{day:02} at {hour:02}:{minute:02}:{number:02}."
        yield f"Am {day:02}.{month:02}.{year} um {hour:02}.{minute:02} Uhr, Zimmer {100 + number}."
        yield f"on {month}/{day}/{year}, {hour % 12 or 12}:{minute:02} {'ap'[number % 2]}m"
        yield f"from {year}{month:02}{day:02} to {year}{month:02}{day + 2:02}"
        yield f"ts={1_795_348_364_000 + 977 * number * 86_400} id={number}"
        yield f"v{number}.{number % 7}.{number % 5} (build {20_000 + 331 * number})"
        yield f"10.0.{number}.{200 - number}:80{number:02} answered 192.168.{number}.1"
        yield f"It costs {number + 1},{100 + number * 7 % 900}.{number:02} or {12 * number},{345 - number},678.90"
        yield f"Order {1_000_000_000 + 7_919 * number}, {number + 1} of {number + 3} pieces"
        yield f"PO-{year}-{number:06}, item {number * 31:05}, line {number}"
        yield f"request {uuid.uuid5(uuid.NAMESPACE_DNS, f'{number}.example.com')}"
        yield f"commit {hashlib.sha1(b'%d' % number).hexdigest()}"  # noqa: S324 - looks like one
        yield f"sha256:{hashlib.sha256(b'%d' % number).hexdigest()}"
        yield f"Extension {4_000 + number}, room {number}{number % 10}, floor {number % 9}"
        yield f"lat 52.{520_008 + number}, lon 13.{404_954 - number}"
        yield f"{number} of {number + 30}, {number * 3} %, {number}.5 kg, {number} x {number + 2} cm"
    yield from FIXED


FIXED = [
    *("order 17, room 204, floor 3", "0.123456789", "100, 200, 3000", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"),
    *("1 2 3 4 5 6 7 8 9", "9 8 7 6 5 4 3 2 1 0", "10, 20, 30, 40, 50, 60, 70, 80", "3, 7, 12, 19, 24, 42"),
    *("05, 12, 23, 34, 45", "It was 3 to 2, then 4 to 2.", "scores: 21-19, 19-21, 21-15", "12:30-13:45, 14:00-15:15"),
    *("4111111111111112", "1234567890123456", "12345678901234567890123", "0000000000000000", "000123456"),
    *("ISBN 978-3-16-148410-0", "ISBN 0-306-40615-2", "EAN 4006381333931", "ASIN B07XYZ1234"),
    *("1Z999AA10123456784", "9400 1000 0000 0000 0000 00", "tracking JD014600003111", "AWB 020-12345675"),
    *("GB82 WEST 1234 5698 7654 32", "DE89 3704 0044 0532 0130 00", "NL91 ABNA 0417 1643 00"),
    *("FR14 2004 1010 0505 0001 3M02 606", "CH93 0076 2011 6238 5295 7", "DE89370400440532013000"),
    *("flight LH 2034, seat 17A, gate 42", "B 1234 XY", "VIN 1HGBH41JXMN109186", "90210-1234", "A4 210 x 297 mm"),
    *("http://127.0.0.1:8080/a?b=17", "localhost:5432", "::1", "fe80::1ff:fe23:4567:890a", "00:1b:44:11:3a:b7"),
    *("react@18.2.0", "lodash@4.17.21", "@ home, and at example.com", "@ada said so", "a @ b", "3 @ 1.50"),
    *("1.5e10", "6.02214076e23", "3.14159265358979", "-273.15", "2^31 = 2147483648", "0x7fffffff", "1/3", "50/50"),
    *("$1,299.00", "EUR 1.299,00", "12 345 678,90", "1'234'567.00", "USD 1000000", "JPY 1,234,567,890", "£12.50"),
    *("20261125103045", "2026-11-25T10:30:45.123456Z", "25.11.26", "11/25", "2026/11/25", "KW 48/2026", "Q4 2026"),
    *("PIN 1234, code 987654", "OTP 123456", "ticket INC0012345", "case 00012345", "RMA-48213", "AB5550100123"),
    *("800 MHz, 16 GB, 1920x1080", "4 h 30 min", "20-25 Nov", "size 42-44", "aged 18-35", "100-200-300"),
    *("Call 911 or 112.", "2-1", "24/7", "7 11", "room 5550", "10 10 10", "4 8 15 16 23 42", "999", ""),
]
"""Examples from the documents of those who give out such numbers, and what people say."""

INNOCENT = list(innocent())
