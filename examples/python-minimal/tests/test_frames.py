"""The table of frames has the members that spec/schema has, and the ones it calls optional may be left out or null."""

import json
import unittest
from pathlib import Path

from burnchat_minimal import frames

SCHEMA = Path(__file__).parents[3] / "spec" / "schema"
HTTP = {"create_room": frames.CREATE_REQUEST, "room_created": frames.CREATED}


class Frames(unittest.TestCase):
    def test_the_table_has_the_members_of_the_schemas(self) -> None:
        for folder, table in (("client", frames.FROM_CLIENT), ("relay", frames.FROM_RELAY), ("http", HTTP)):
            schemas = {path.stem: json.loads(path.read_text()) for path in (SCHEMA / folder).glob("*.json")}
            self.assertLessEqual(table.keys(), schemas.keys())
            if folder != "http":
                self.assertEqual(table.keys(), schemas.keys())
            for name, members in table.items():
                with self.subTest(f"{folder}/{name}"):
                    schema = schemas[name]
                    self.assertEqual(members.keys(), schema["properties"].keys() - {"type"})
                    needed = {name for name, member in members.items() if not isinstance(member, frames.Optional)}
                    self.assertEqual(needed, set(schema["required"]) - {"type"})


if __name__ == "__main__":
    unittest.main()
