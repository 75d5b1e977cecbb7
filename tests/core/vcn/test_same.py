"""Keys by identity: an equal value is another key."""

from mooring.core.vcn.packets.same import Same


def test_a_key_is_its_object() -> None:
    one, two = [1, 2], [1, 2]

    assert Same(one) == Same(one)
    assert hash(Same(one)) == hash(Same(one))
    assert Same(one) != Same(two)
    assert Same(one) != one
