"""spec/vectors: every case of every group, through the functions of section 8 of spec/shim.md."""

import json
import unittest
from pathlib import Path
from typing import Any

from burnchat_minimal import errors
from burnchat_minimal.crypto import draw_key, point, scalar
from burnchat_minimal.errors import Refused
from burnchat_minimal.functions import call
from burnchat_minimal.roster import participant_id

VECTORS = Path(__file__).parents[3] / "spec" / "vectors"

# Which functions follow a group. The first is the one that has to refuse an invalid case.
FOLLOWED = {
    "encoding/label_encoding": ["encoding/label"],
    "encoding/base64url": ["encoding/base64url_decode", "encoding/base64url_encode"],
    "primitives/sha256": ["primitives/sha256"],
    "primitives/hmac": ["primitives/hmac"],
    "primitives/hkdf": ["primitives/hkdf"],
    "primitives/aes_kw": ["primitives/aes_kw_unwrap", "primitives/aes_kw_wrap"],
    "primitives/aes_gcm": ["primitives/aes_gcm_open", "primitives/aes_gcm_seal"],
    "primitives/public_keys": ["primitives/public_key"],
    "primitives/private_keys": ["primitives/private_key"],
    "primitives/ecdh": ["primitives/ecdh"],
    "primitives/ecdsa": ["primitives/ecdsa_verify"],
    "link/room_ids": ["link/room_id"],
    "link/links": ["link/parse", "link/write"],
    "link/malformed": ["link/parse"],
    "identity/room_keys": ["identity/room_keys"],
    "identity/identities": ["identity/participant_id"],
    "names/sealed_names": ["names/open"],
    "names/own_names": ["names/own"],
    "names/fallback_names": ["names/fallback"],
    "names/anonymous_names": ["names/anonymous"],
    "names/tags": ["names/tag"],
    "names/shown_names": ["names/shown"],
    "names/clashes": ["names/clash"],
    "roster/roster_hashes": ["roster/hash"],
    "epochs/wraps": ["epochs/unwrap", "epochs/wrap"],
    "plaintexts/unreadable": ["plaintexts/decode"],
    "plaintexts/padded_lengths": ["plaintexts/padded_length"],
    "plaintexts/paddings": ["plaintexts/unpad", "plaintexts/pad"],
    "envelopes/envelopes": ["envelopes/open"],
    "verification/codes": ["verification/codes"],
    "frames/client_frames": ["frames/client_frame"],
    "frames/client_frames_refused": ["frames/client_frame"],
    "frames/relay_frames": ["frames/relay_frame"],
    "frames/relay_frames_refused": ["frames/relay_frame"],
    "frames/request_bodies": ["frames/request_body"],
    "frames/request_bodies_refused": ["frames/request_body"],
}
# Those that take more than a call or two have a test of their own.
BY_HAND = {
    "primitives/key_draws", "identity/join_proofs", "epochs/key_frames", "chains/chains", "plaintexts/layouts",
    "errors/errors",
}  # fmt: skip
# History is left out; limits stand where they are used.
LEFT_OUT = {"epochs/backs", "limits/fixed"}


def groups() -> dict[str, list[dict]]:
    return {
        f"{path.stem}/{group['name']}": [(group.get("given") or {}) | case for case in group["cases"]]
        for path in sorted(VECTORS.glob("*.json"))
        for group in json.loads(path.read_text())["groups"]
    }


GROUPS = groups()


def inputs(case: dict) -> dict:
    """A case's members as functions take them: what is told in pieces is put together."""
    whole: dict[str, Any] = dict(case)
    if "pieces" in case:
        whole["bytes"] = "".join(piece * times for piece, times in case["pieces"]).encode().hex()
    elif "padded_pieces" in case:
        whole["padded"] = "".join(piece * times for piece, times in case["padded_pieces"])
    elif isinstance(case.get("text"), list):
        whole["text"] = case["text"][0] * case["text"][1]
    elif case["id"].startswith("frames/") and "text" in case:
        whole["bytes"] = case["text"].encode().hex()
    return whole


class Vectors(unittest.TestCase):
    maxDiff = None

    def test_every_group_is_followed_or_left_out_on_purpose(self) -> None:
        self.assertEqual(set(GROUPS), FOLLOWED.keys() | BY_HAND | LEFT_OUT)

    def test_every_case_comes_out_as_the_file_says(self) -> None:
        for group, functions in FOLLOWED.items():
            for case in GROUPS[group]:
                with self.subTest(case["id"]):
                    if case["result"] == "valid" or group == "plaintexts/unreadable":
                        for function in functions:
                            self.comes_out(function, case)
                    else:
                        self.is_refused(functions[0], case)

    def comes_out(self, function: str, case: dict) -> None:
        if function == "plaintexts/decode" and case["count"] is None:
            return self.is_refused(function, case)
        output = call(function, inputs(case))
        if case["id"].endswith("message-longest"):
            self.assertEqual(output["members"].pop("ciphertext"), "00" * 45_000)
        for name, value in output.items():
            self.assertEqual(value, case[name], name)
        return None

    def is_refused(self, function: str, case: dict) -> None:
        with self.assertRaises(Refused) as refusal:
            call(function, inputs(case))
        if "error" in case:
            self.assertEqual(refusal.exception.name, case["error"])

    def test_keys_are_drawn_again_until_they_are_in_range(self) -> None:
        for case in GROUPS["primitives/key_draws"]:
            draws = map(bytes.fromhex, case["draws"])
            kem, sig = (draw_key(lambda _, drawn=draws: next(drawn)) for _ in range(2))
            self.assertEqual([scalar(kem).hex(), scalar(sig).hex()], [case["kem_scalar"], case["sig_scalar"]])
            self.assertEqual(participant_id(point(kem), point(sig)).hex(), case["participant_id"])

    def test_join_proofs(self) -> None:
        for case in GROUPS["identity/join_proofs"]:
            with self.subTest(case["id"]):
                right = call("identity/join_proof", case)["join_proof"] == case["join_proof"]
                self.assertEqual(right, case["result"] == "valid")

    def test_key_frames(self) -> None:
        for case in GROUPS["epochs/key_frames"]:
            with self.subTest(case["id"]):
                self.assertEqual(call("epochs/epoch_id", case)["epoch_id"], case["epoch_id"])
                if case.get("error") == "fork":
                    self.is_refused("epochs/verify", case)
                    continue
                call("epochs/verify", case)
                right = call("epochs/commit", case)["commit"] == case["commit"]
                self.assertEqual(right, "error" not in case)

    def test_chains(self) -> None:
        for case in GROUPS["chains/chains"]:
            for keys in case["keys"]:
                self.assertEqual(call("chains/message_key", case | keys) | {"n": keys["n"]}, keys)
            self.is_refused("chains/message_key", case | {"n": case["end"]})

    def test_layouts_both_ways(self) -> None:
        for case in GROUPS["plaintexts/layouts"]:
            with self.subTest(case["id"]):
                whole = inputs(case)
                padded = call("plaintexts/encode", whole)["padded"]
                if "padded" in case:
                    self.assertEqual(padded, case["padded"])
                    self.assertEqual(call("plaintexts/unpad", {"padded": padded})["plaintext"], case["plaintext"])
                else:
                    self.assertEqual(len(padded) // 2, case["padded_length"])
                    self.assertEqual(call("primitives/sha256", {"input": padded})["digest"], case["padded_sha256"])
                for name, value in call("plaintexts/decode", {"n": case["n"], "padded": padded}).items():
                    self.assertEqual(value, whole[name], name)

    def test_what_is_sealed_opens(self) -> None:
        sealed = GROUPS["names/sealed_names"][0]
        own = call("names/seal", sealed)["sealed_name"]
        self.assertEqual(own[:-160], sealed["sealed_name"][:-160])  # up to the signature, which is ours
        self.assertEqual(call("names/open", sealed | {"sealed_name": own})["name"], sealed["name"])
        for case in GROUPS["envelopes/envelopes"]:
            if case["result"] == "valid" and case["flags"] == 0:
                envelope = call("envelopes/seal", case)
                self.assertEqual(envelope["ciphertext"], case["ciphertext"])
                self.assertEqual(call("envelopes/open", case | envelope)["padded"], case["padded"])

    def test_the_error_registry_is_the_specs(self) -> None:
        registry = {case["name"]: case["number"] for case in GROUPS["errors/errors"]}
        self.assertEqual({name: number for name, number in errors.NUMBERS.items() if number}, registry)


if __name__ == "__main__":
    unittest.main()
