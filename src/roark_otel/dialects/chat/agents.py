"""Which agent spoke or used a tool, with which prompt, and when its turn began."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.moments import Agent, Customer, Fact, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from roark_otel.dialects.chat.recital import Said

_RUNS_BACK = 64
_MAX_PROMPTS = 8


class Run(NamedTuple):
    """An agent ran; one without a name is a workflow of several."""

    start_ns: int
    end_ns: int
    span_id: int
    name: str | None


class Agents:
    """Gathers what spans say of agents, in any order of spans."""

    __slots__ = ("_names", "_prompts", "_rows", "_seen")

    def __init__(self) -> None:
        # Columns, because there may be thousands of runs.
        self._rows = array("Q")
        self._names: list[str | None] = []
        self._seen: dict[str, tuple[str, int, int]] = {}
        self._prompts: dict[tuple[str, str | None], int] = {}

    def ran(self, span_id: int, start_ns: int, end_ns: int, name: str | None) -> None:
        """An agent or a workflow of agents ran."""
        self._rows.extend((start_ns, end_ns, span_id))
        self._names.append(self.named(span_id, start_ns, name))

    def named(self, span_id: int, start_ns: int, name: str | None) -> str | None:
        """A span bears an agent's name. Returns it as one and the same text, however many spans do."""
        if name is None:
            return None
        seen = (self._seen[name][0] if name in self._seen else name, start_ns, span_id)
        self._seen[name] = min(seen, self._seen.get(name, seen))
        return seen[0]

    def prompted(self, start_ns: int, name: str | None, prompt: str) -> None:
        """An agent was given a system prompt. Some change with every turn: only the first few are kept."""
        key = (prompt, name)
        self._prompts[key] = min(start_ns, self._prompts.get(key, start_ns))
        if len(self._prompts) > _MAX_PROMPTS:
            del self._prompts[max(self._prompts, key=lambda one: (self._prompts[one], one[0], one[1] or ""))]

    def known(self) -> KnownAgents:
        """What is known by now."""
        rows = zip(*[iter(self._rows)] * 3, strict=True)
        found = {Run(row[0], row[1], row[2], name) for row, name in zip(rows, self._names, strict=True)}
        runs = sorted(found, key=lambda one: (*one[:3], one.name or ""))
        given = sorted((at, name or "", prompt, name) for (prompt, name), at in self._prompts.items())
        prompts: dict[str | None, str] = {}
        for at, _, prompt, name in given:
            prompts.setdefault(name or _name_at(runs, at), prompt)
        first = {name: (start_ns, span_id) for name, start_ns, span_id in self._seen.values()}
        return KnownAgents(runs, first, prompts)


@dataclass(frozen=True, slots=True)
class KnownAgents:
    """The agents of a conversation. `first`: start and id of the first span that bears a name."""

    runs: Sequence[Run]
    first: Mapping[str, tuple[int, int]]
    prompts: Mapping[str | None, str]

    def agent(self, name: str | None, at_ns: int) -> Agent:
        """Who spoke: the agent of that name or, without one, the one that ran then; unnamed if the call has one."""
        if len(self.first) < 2:
            return Agent()
        found = name or _name_at(self.runs, at_ns)
        return Agent(name=found, prompt=self.prompts.get(found)) if found else Agent()

    def facts(self) -> Iterator[Fact]:
        """The agent of the call if it is one, else all that took part."""
        if len(self.first) < 2:
            name = next(iter(self.first), None)
            agent = Agent(name=name, prompt=self.prompts.get(name) or self.prompts.get(None))
            if agent != Agent():
                yield Fact("agent", agent, 0, 0)
            return
        for name, (start_ns, span_id) in self.first.items():
            yield Fact("agent", Agent(name=name, prompt=self.prompts.get(name)), start_ns, span_id)

    def from_turn_start(self, said: Sequence[Said]) -> Iterator[Said]:
        """What customers said moves to the start of the run that it began: the agent takes a while to ask a model.

        That is the outermost run around it that began after what was said before, and knows of no other words of the
        customer. What was measured stays where it is.
        """
        asked = [one.at_ns for one in said if not one.by_agent]
        before = -1
        for one in said:
            start_ns = one.at_ns
            if not one.by_agent and one.end_ns is None:
                for run in _around(self.runs, one.at_ns):
                    is_alone = bisect_right(asked, run.end_ns) - bisect_left(asked, run.start_ns) == 1
                    if is_alone and run.start_ns > before:
                        start_ns = min(start_ns, run.start_ns)
            before = one.at_ns
            yield one._replace(at_ns=start_ns)


def utterance(said: Said, known: KnownAgents) -> Utterance:
    """What was said, by the agent who said it, when that was measured; else at the times of the model's calls."""
    speaker = known.agent(said.agent, said.asked_ns) if said.by_agent else Customer()
    payload: dict[str, object] = {"interrupted": True} if said.interrupted else {}
    # A model's server notices that a customer has fallen silent only after a silence of its own.
    is_timed = said.by_agent and said.end_ns is not None
    return Utterance(speaker, said.text, said.at_ns, said.end_ns, said.language, payload, is_timed, said.span_id)


def _around(runs: Sequence[Run], at_ns: int) -> Iterator[Run]:
    """The runs at a time, the innermost first."""
    upto = bisect_right(runs, at_ns, key=lambda run: run.start_ns)
    return (run for run in reversed(runs[max(0, upto - _RUNS_BACK) : upto]) if at_ns <= run.end_ns)


def _name_at(runs: Sequence[Run], at_ns: int) -> str | None:
    return next((run.name for run in _around(runs, at_ns) if run.name), None)
