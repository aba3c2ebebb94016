"""How the story looks on a terminal: titles, what the network lets through, the rules, and what was found true.

Knows rich. Refuses to judge: colours repeat what the words say, so that nothing is lost without them.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule as Line
from rich.table import Table
from rich.text import Text

from emulator.story.plot import PORTS, REQUESTOR, Claim, Scene, Step
from emulator.story.stage import Json, Rule, Verdict

WIDTH: Final = 110
SERVICES: Final = {22: "22 SSH", 3389: "3389 RDP", 443: "443 HTTPS"}
OURS: Final = "postern-"


def make_console(*, terminal: bool) -> Console:
    """A terminal's own width; a fixed one where the words go to a file."""
    return Console(highlight=False) if terminal else Console(highlight=False, width=WIDTH)


def show_title(console: Console, number: int, step: Step) -> None:
    console.print()
    console.print(Line(Text(f"{number}. {step.title}", "bold"), align="left", style="dim"))
    console.print(Text(step.text))


def show_scene(console: Console, scene: Scene) -> None:
    """The list of machines or the activity where there is one, the network, the rules, and the claims."""
    listed = [draw_machines(scene.machines)] if scene.machines else []
    listed += [draw_entries(scene.entries)] if scene.entries else []
    for table in (*listed, draw_network(scene), draw_rules(scene.rules)):
        console.print()
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
    console.print()
    for claim in scene.claims:
        show_claim(console, claim)


def show_claim(console: Console, claim: Claim) -> None:
    mark = Text("  yes   ", "green") if claim.holds else Text("  WRONG ", "bold red")
    console.print(mark + Text(claim.text, "" if claim.holds else "bold red"), soft_wrap=True)


def draw_machines(machines: Sequence[Json]) -> Table:
    """The first machines of the app's list, with what it says of each."""
    table = draw_table("Who needs somebody most", "machine", "urgency", "why")
    for one in machines:
        table.add_row(one["name"], one["urgency"], " ".join(reason["message"] for reason in one["reasons"]))
    return table


def draw_entries(entries: Sequence[Json]) -> Table:
    """Some of the app's activity."""
    table = draw_table("Who was in, and who tried", "last seen", "from", "what")
    for one in entries:
        table.add_row(one["at"][11:19], one["source"], one["text"])
    return table


def draw_network(scene: Scene) -> Table:
    """A row for each source, a column for each port, and in the cells the priority of the rule that decided."""
    numbers = {rule.name: str(rule.priority) for rule in scene.rules}
    table = draw_table("What the network does", "from", *(SERVICES[port] for port in PORTS))
    for source in dict.fromkeys(verdict.source for verdict in scene.verdicts):
        cells = [_draw_verdict(one, numbers) for one in scene.verdicts if one.source == source]
        who = "requestor" if source == REQUESTOR else "attacker"
        table.add_row(f"{source} ({who})", *cells)
    return table


def _draw_verdict(verdict: Verdict, numbers: Mapping[str, str]) -> Text:
    word = Text("passes", "bold yellow") if verdict.passes else Text("denied", "green")
    rule = numbers.get(verdict.rule or "", verdict.rule or "no rule")
    return word + Text(f" by {rule}", "not bold dim")


def draw_rules(rules: Sequence[Rule]) -> Table:
    """The inbound rules in the order in which Azure asks them."""
    headers = ("priority", "name", "access", "protocol", "from", "to", "ports")
    table = draw_table("Inbound rules of web-01-nsg", *headers)
    for rule in rules:
        style = "cyan" if rule.name.startswith(OURS) else ""
        cells = (str(rule.priority), rule.name, rule.access, rule.protocol, rule.sources, rule.destinations, rule.ports)
        table.add_row(*cells, style=style)
    return table


def draw_table(title: str, *headers: str) -> Table:
    return Table(
        *headers,
        title=title,
        title_justify="left",
        title_style="italic",
        header_style="dim",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
