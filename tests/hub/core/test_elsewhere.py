"""What other nodes say of their devices counts as long as the node is there and no other one speaks."""

from hub.core.elsewhere import Elsewhere, Sighting

ONLINE = Sighting("two", "online", {"connected_us": 7}, 9)


def test_a_device_is_as_its_node_says_until_another_one_speaks() -> None:
    elsewhere = Elsewhere()
    assert elsewhere.presence("pump") is None
    assert elsewhere.say("pump", ONLINE)
    assert not elsewhere.say("pump", Sighting(*ONLINE))
    assert (elsewhere.presence("pump"), elsewhere.is_connected("pump")) == ("online", True)
    assert elsewhere.item("pump") == {"node": "two", "connected_us": 7}
    elsewhere.say("pump", ONLINE._replace(presence="offline"))
    assert (elsewhere.presence("pump"), elsewhere.is_connected("pump")) == ("offline", False)
    elsewhere.say("pump", None)
    assert (elsewhere.presence("pump"), elsewhere.item("pump")) == (None, {})


def test_the_word_of_a_node_that_is_gone_counts_no_more_and_again_when_it_is_back() -> None:
    elsewhere = Elsewhere()
    elsewhere.say("pump", ONLINE)
    elsewhere.say("tank", ONLINE._replace(node="three"))
    assert elsewhere.lose({"two": 50}) == ["pump"]
    assert elsewhere.lose({"two": 50}) == []
    assert (elsewhere.presence("pump"), elsewhere.presence("tank")) == (None, "online")
    assert elsewhere.item("pump") == {"node": "two", "node_gone_us": 50}
    assert elsewhere.lose({}) == ["pump"]
    assert elsewhere.is_connected("pump")
