"""The tree equals the RFC's recursive definition and its published vectors."""

from __future__ import annotations

import hashlib

import pytest

from pdp.decisionlog import tree
from pdp.decisionlog.tree import Frontier, Tree

# The inputs and roots that Certificate Transparency implementations publish for RFC 6962.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def slow_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word, over leaf inputs."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + slow_root(leaves[:k]) + slow_root(leaves[k:])).digest()


def slow_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*slow_path(index, leaves[:k]), slow_root(leaves[k:])]
    return [*slow_path(index - k, leaves[k:]), slow_root(leaves[:k])]


def grown(leaves: list[bytes]) -> Tree:
    whole = Tree()
    for leaf in leaves:
        whole.append(tree.leaf_hash(leaf))
    return whole


def test_published_vectors():
    frontier = Frontier()
    assert frontier.root().hex() == ROOTS[0]
    for size, data in enumerate(INPUTS, start=1):
        frontier.append(tree.leaf_hash(data))
        assert frontier.root().hex() == ROOTS[size]
    whole = grown(INPUTS)
    assert [whole.root(size).hex() for size in range(9)] == list(ROOTS)


LEAVES = [f"leaf {number}".encode() for number in range(70)]


def test_frontier_and_tree_equal_the_definition():
    frontier, whole = Frontier(), grown(LEAVES)
    for size in range(len(LEAVES) + 1):
        assert frontier.size == size
        assert frontier.root() == whole.root(size) == slow_root(LEAVES[:size])
        if size < len(LEAVES):
            frontier.append(tree.leaf_hash(LEAVES[size]))
    assert whole.size == len(LEAVES)


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 9, 33, 64, 65, 70])
def test_proofs_equal_the_definition_and_prove(size):
    whole = grown(LEAVES)
    root = whole.root(size)
    for index in range(size):
        path = whole.inclusion_proof(index, size)
        assert list(path) == slow_path(index, LEAVES[:size])
        assert tree.included(tree.leaf_hash(LEAVES[index]), index, size, path, root)


def test_a_proof_proves_nothing_else():
    size, index = 13, 6
    whole = grown(LEAVES)
    root, leaf = whole.root(size), tree.leaf_hash(LEAVES[index])
    path = whole.inclusion_proof(index, size)
    assert tree.included(leaf, index, size, path, root)
    for other in range(-1, size + 1):
        if other != index:
            assert not tree.included(leaf, other, size, path, root)
    assert not tree.included(tree.leaf_hash(b"x"), index, size, path, root)
    assert not tree.included(leaf, index, size, path[:-1], root)
    assert not tree.included(leaf, index, size, (*path, root), root)
    assert not tree.included(leaf, index, size, tuple(reversed(path)), root)
    assert not tree.included(leaf, index, size, path, whole.root(size + 1))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3), (0, 6)])
def test_no_proof_beyond_the_tree(index, size):
    with pytest.raises(ValueError, match="in a tree of"):
        grown(LEAVES[:5]).inclusion_proof(index, size)


def test_no_root_beyond_the_tree():
    with pytest.raises(ValueError, match="no size 6 in a tree of 5"):
        grown(LEAVES[:5]).root(6)


def test_the_leaf_binds_kind_place_and_payload():
    assert tree.leaf_input(3, 258, b"p") == b"\x03\x00\x00\x00\x00\x00\x00\x01\x02p"
    leaves = {
        tree.leaf_hash(tree.leaf_input(kind, seq, payload))
        for kind in (1, 3)
        for seq in (1, 2)
        for payload in (b"", b"p")
    }
    assert len(leaves) == 8
