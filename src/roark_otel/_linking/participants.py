"""The participants of a call: its agents and customers, and how its entries refer to them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypeVar

from roark_otel._linking.timeline import MAX_NAME, MAX_TEXT, cut
from roark_otel._model.call import (
    AgentByCustomId,
    AgentByName,
    AgentByRoarkId,
    AgentPrompt,
    AgentReference,
    CallAgent,
    CallCustomer,
    CustomerReference,
    EndpointById,
    EndpointByValue,
)
from roark_otel._model.formats import is_e164
from roark_otel._model.moments import Agent, Customer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_P = TypeVar("_P", Agent, Customer)


def merged(one: _P, other: _P) -> _P:
    """Merges two reports of one participant: the fields of the first, the second's where the first has none."""
    known = {f.name: getattr(one, f.name) for f in fields(one) if getattr(one, f.name) is not None}
    return replace(other, **known)


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

    def reference(self, speaker: Agent | Customer) -> AgentReference | CustomerReference | None:
        """Returns the reference of an entry to its speaker; None if there is only one on that side, or none to name."""
        if isinstance(speaker, Agent):
            return self.agent_reference(speaker)
        known = _known(_valid(speaker), self.customers, self.customer)
        found = {"label": known.label, "phone_number_e164": known.phone_number}
        return CustomerReference.model_validate(_present(found)) if _needed(found, self.customers) else None

    def agent_reference(self, agent: Agent) -> AgentReference | None:
        """Returns the reference of an entry or a tool to its agent; None in the cases of `reference`."""
        known = _known(agent, self.agents, self.agent)
        found = {"custom_id": known.custom_id, "roark_id": known.roark_id}
        return AgentReference.model_validate(_present(found)) if _needed(found, self.agents) else None


def participants(
    agent: Agent, customer: Customer, others: Iterable[Agent | Customer]
) -> tuple[Participants, tuple[str, ...]]:
    """Collects the participants of a call: its own agent and customer, and the others who spoke or used a tool.

    Returns:
        The participants, and the names of fields that were left out because Roark would not take them.
    """
    agents: list[Agent] = _identified([agent])
    customers: list[Customer] = _identified([_valid(customer)])
    problems: list[str] = []
    for one in (customer, *others):
        if isinstance(one, Agent):
            _add(agents, one)
            continue
        if one != _valid(one):
            problems.append("customer.phone_number")
        _add(customers, _valid(one))
    if len(agents) > 1:
        agents = [_referable(one) for one in agents]
    found = Participants(
        next((one for one in agents if _same(one, agent)), agent),
        next((one for one in customers if _same(one, _valid(customer))), _valid(customer)),
        tuple(agents),
        tuple(customers),
    )
    return found, tuple(dict.fromkeys(problems))


def _referable(agent: Agent) -> Agent:
    """Gives one of several agents an id if it has none: an entry refers to its agent only by an id."""
    return replace(agent, custom_id=agent.name) if agent.custom_id is None and agent.roark_id is None else agent


def _valid(customer: Customer) -> Customer:
    """Returns the customer, without its number if that is not valid."""
    number = customer.phone_number
    return customer if number is None or is_e164(number) else replace(customer, phone_number=None)


def _add(known: list[_P], reported: _P) -> None:
    for index, one in enumerate(known):
        if _same(one, reported):
            known[index] = merged(one, reported)
            return
    known.extend(_identified([reported]))


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


def _one_or_many(name: str, found: list[CallAgent] | list[CallCustomer]) -> dict[str, object]:
    if not found:
        return {}
    return {name: found[0]} if len(found) == 1 else {f"{name}s": found}


def _call_customer(customer: Customer) -> CallCustomer:
    label = {} if customer.label is None else {"label": cut(customer.label, MAX_NAME)}
    return CallCustomer.model_validate({"phone_number_e164": customer.phone_number, **label})


def _call_agent(agent: Agent) -> CallAgent:
    common: dict[str, object] = {}
    if agent.prompt is not None:
        common["prompt"] = AgentPrompt(resolved_prompt=cut(agent.prompt, MAX_TEXT))
    if agent.endpoint_id is not None:
        common["endpoint"] = EndpointById(id=agent.endpoint_id)
    elif agent.endpoint_type is not None and agent.endpoint_value is not None:
        place = {"type": agent.endpoint_type, "value": agent.endpoint_value}
        common["endpoint"] = EndpointByValue.model_validate(place | _present({"direction": agent.endpoint_direction}))
    if agent.roark_id is not None:
        return AgentByRoarkId.model_validate({"roark_id": agent.roark_id, **common})
    if agent.name is None:
        return AgentByCustomId.model_validate({"custom_id": agent.custom_id, **common})
    named = {
        "custom_id": agent.custom_id,
        "description": agent.description and cut(agent.description, MAX_TEXT),
    }
    return AgentByName.model_validate({"name": cut(agent.name, MAX_NAME), **_present(named), **common})
