"""The participants of a call: its agents and customers, and how its entries refer to them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from roark_otel._model.formats import is_e164
from roark_otel._model.moments import CALLS_AGENT, CALLS_CUSTOMER, Agent, Customer
from roark_otel._model.sizes import MAX_NAME, MAX_TEXT, cut
from roark_otel._model.steps import in_steps, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from roark_otel._model.steps import Pause

_P = TypeVar("_P", Agent, Customer)

Reference: TypeAlias = "Mapping[str, str]"
"""Names a participant where an entry or a tool invocation refers to it."""

Referring: TypeAlias = "Callable[[Agent | Customer], Reference | None]"
"""Returns the reference of an entry to its speaker, or of a tool invocation to its agent."""

_UNKNOWN: Final = frozenset({(None, None, None), (None, None)})
"""The identities of participants that have none."""


def merged(one: _P, other: _P) -> _P:
    """Merges two reports of one participant: the fields of the first, the second's where the first has none."""
    if other == (CALLS_AGENT if isinstance(other, Agent) else CALLS_CUSTOMER):
        return one
    known = {f.name: getattr(one, f.name) for f in fields(one) if getattr(one, f.name) is not None}
    return replace(other, **known) if known else other


@dataclass(frozen=True, slots=True)
class Participants:
    """The agents and customers of a call, each once; `agent` and `customer` are the call's own."""

    agent: Agent
    customer: Customer
    agents: tuple[Agent, ...]
    customers: tuple[Customer, ...]

    def call_fields(self) -> dict[str, object]:
        """Returns the fields `agent` or `agents` and `customer` or `customers`, as far as they are known."""
        return _one_or_many("agent", [_call_agent(agent) for agent in self.agents]) | _one_or_many(
            "customer", [_call_customer(customer) for customer in self.customers]
        )

    def without_content(self) -> Participants:
        """Returns the same participants without descriptions and prompts."""
        return replace(self, agents=tuple(replace(agent, description=None, prompt=None) for agent in self.agents))

    @property
    def are_several(self) -> bool:
        """Whether entries refer to their speakers: there is more than one on either side."""
        return len(self.agents) > 1 or len(self.customers) > 1

    def reference(self, speaker: Agent | Customer) -> Reference | None:
        """Returns the reference of an entry to its speaker; None if there is only one on that side, or none to name."""
        if isinstance(speaker, Agent):
            agent = _known(speaker, self.agents, self.agent)
            found = _present({"customId": agent.custom_id, "roarkId": agent.roark_id})
            return found if _needed(found, self.agents) else None
        customer = _known(_valid(speaker), self.customers, self.customer)
        found = _present({"label": customer.label, "phoneNumberE164": customer.phone_number})
        return found if _needed(found, self.customers) else None


def participants(
    agent: Agent, customer: Customer, others: Sequence[Agent | Customer], pause: Pause
) -> tuple[Participants, tuple[str, ...]]:
    """Collects the participants of a call: its own agent and customer, and the others who spoke or used a tool.

    Returns:
        The participants, and the names of fields that were left out because Roark would not take them.
    """
    if not _are_named((agent, customer, *others), pause):
        return Participants(agent, customer, (), ()), ()  # as is most often so
    agents: list[Agent] = _identified([agent])
    customers: list[Customer] = _identified([_valid(customer)])
    problems: list[str] = []
    settled: set[object] = set()  # by identity too: a hash takes longer
    for one in in_steps((customer, *others), pause):
        # What is reported again, with no change in between, adds nothing. Most speakers have no identity.
        if id(one) in settled:
            continue
        settled.add(id(one))
        if _identity(one) in _UNKNOWN or one in settled:
            continue
        if isinstance(one, Agent):
            is_new = _add(agents, one)
        else:
            if one != _valid(one):
                problems.append("customer.phone_number")
            is_new = _add(customers, _valid(one))
        if is_new:
            settled = {id(one)}
        settled.add(one)
    if len(agents) > 1:
        agents = [_referable(one) for one in agents]
    found = Participants(
        next((one for one in agents if _same(one, agent)), agent),
        next((one for one in customers if _same(one, _valid(customer))), _valid(customer)),
        tuple(agents),
        tuple(customers),
    )
    return found, tuple(dict.fromkeys(problems))


def _are_named(several: Iterable[Agent | Customer], pause: Pause) -> bool:
    """Returns whether any of them has an identity. Looks at each object once, because most speakers are the same."""
    seen: dict[int, Agent | Customer] = {}
    for step in steps(several, pause):
        seen.update(zip(map(id, step), step, strict=True))
    return not _UNKNOWN.issuperset(map(_identity, seen.values()))


def _referable(agent: Agent) -> Agent:
    """Gives one of several agents an id if it has none: an entry refers to its agent only by an id."""
    return replace(agent, custom_id=agent.name) if agent.custom_id is None and agent.roark_id is None else agent


def _valid(customer: Customer) -> Customer:
    """Returns the customer, without its number if that is not valid."""
    number = customer.phone_number
    return customer if number is None or is_e164(number) else replace(customer, phone_number=None)


def _add(known: list[_P], reported: _P) -> bool:
    """Adds a report of a participant. Returns whether that changed anything."""
    for index, one in enumerate(known):
        if _same(one, reported):
            known[index] = merged(one, reported)
            return known[index] != one
    new = _identified([reported])
    known += new
    return bool(new)


def _identified(several: list[_P]) -> list[_P]:
    return [one for one in several if any(_identity(one))]


def _identity(one: Agent | Customer) -> tuple[str | None, ...]:
    if isinstance(one, Agent):
        return one.roark_id, one.custom_id, one.name
    return one.phone_number, one.label


def _same(one: Agent | Customer, other: Agent | Customer) -> bool:
    """Returns whether two reports are of one participant: the first identity that both have decides."""
    for mine, theirs in zip(_identity(one), _identity(other), strict=True):
        if mine is not None and theirs is not None:
            return mine == theirs
    return False


def _known(speaker: _P, known: tuple[_P, ...], own: _P) -> _P:
    """Returns the known participant that a speaker is; one without any identity is the call's own."""
    if not any(_identity(speaker)):
        return own
    return next((one for one in known if _same(one, speaker)), speaker)


def _needed(found: Mapping[str, str | None], known: tuple[Agent, ...] | tuple[Customer, ...]) -> bool:
    return len(known) > 1 and any(found.values())


def _present(found: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in found.items() if value is not None}


def _one_or_many(name: str, found: list[dict[str, object]]) -> dict[str, object]:
    if not found:
        return {}
    return {name: found[0]} if len(found) == 1 else {f"{name}s": found}


def _call_customer(customer: Customer) -> dict[str, object]:
    found: dict[str, object] = {"phoneNumberE164": customer.phone_number}
    if customer.label is not None:
        found["label"] = cut(customer.label, MAX_NAME)
    return found


def _call_agent(agent: Agent) -> dict[str, object]:
    """Returns an agent by its id at Roark, else by its name, else by the app's own id."""
    found: dict[str, object] = {}
    if agent.roark_id is not None:
        found["roarkId"] = agent.roark_id
    elif agent.name is not None:
        found["name"] = cut(agent.name, MAX_NAME)
        description = None if agent.description is None else cut(agent.description, MAX_TEXT)
        found |= _present({"customId": agent.custom_id, "description": description})
    else:
        found["customId"] = agent.custom_id
    if (endpoint := _endpoint(agent)) is not None:
        found["endpoint"] = endpoint
    if agent.prompt is not None:
        found["prompt"] = {"resolvedPrompt": cut(agent.prompt, MAX_TEXT)}
    return found


def _endpoint(agent: Agent) -> Mapping[str, str] | None:
    if agent.endpoint_id is not None:
        return {"id": agent.endpoint_id}
    if agent.endpoint_type is None or agent.endpoint_value is None:
        return None
    place = {"type": agent.endpoint_type, "value": agent.endpoint_value}
    return place | _present({"direction": agent.endpoint_direction})
