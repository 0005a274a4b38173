"""The table of all connections' states."""

from __future__ import annotations

from meshwidget import Mesh
from meshwidget.history.moment import Moment
from meshwidget.history.parts import INITIAL_STATES
from meshwidget.history.table import states_table


def test_nothing_but_the_heads_without_connections() -> None:
    table = states_table(Moment())
    assert table == []
    assert repr(table).split() == [
        *("connection", "signaling", "ice", "gathering", "ice", "connection"),
        *("dtls", "connection"),
    ]


def test_it_says_what_the_connections_say() -> None:
    with Mesh(paused=True) as mesh:
        alice, bob = mesh.join("alice"), mesh.join("<b>")
        mesh.step(3)
        table = mesh.states_table()
        for row in table:
            peer = alice if row["peer"] == "alice" else bob
            connection = peer.connections[row["remote"]]
            for machine in INITIAL_STATES:
                assert row[machine] == getattr(connection, f"{machine}_state")
        assert [(row["peer"], row["remote"]) for row in table] == [
            ("alice", "<b>"),
            ("<b>", "alice"),
        ]
        lines = repr(table).splitlines()
        assert lines[1].split() == [
            *("alice", "->", "<b>", "stable", "complete"),
            *("checking", "new", "connecting"),
        ]
        assert lines[2].split()[3] == "have-local-offer"
        html = table._repr_html_()
        assert "<b>" not in html
        assert "&lt;b&gt; -&gt; alice" in html


def test_a_loaded_session_has_it_too() -> None:
    with Mesh(paused=True) as mesh:
        mesh.join("alice")
        mesh.join("bob")
        mesh.step(2)
        assert mesh.states_table() == states_table(Moment.of(mesh.log))
