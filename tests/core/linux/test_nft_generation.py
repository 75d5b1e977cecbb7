"""The number of a namespace's last nft transaction: what is asked, what an answer says."""

from mooring.core.linux import nfnetlink, wire
from mooring.core.linux.wire import Reply

ANSWER = bytes.fromhex("00000005080001000000002a")


def test_the_question_names_no_family() -> None:
    assert nfnetlink.ask_generation() == wire.Message(0x0A10, 0, bytes(4))


def test_the_answer_is_a_number_in_network_order() -> None:
    assert nfnetlink.generation(Reply(0x0A0F, 0, 1, ANSWER)) == 42


def test_another_message_is_no_answer() -> None:
    assert nfnetlink.generation(Reply(0x0A0E, 0, 1, ANSWER)) is None


def test_an_answer_without_a_number_is_none() -> None:
    assert nfnetlink.generation(Reply(0x0A0F, 0, 1, ANSWER[:4])) is None
