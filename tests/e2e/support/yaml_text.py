"""Nested dictionaries, lists and scalars as YAML: enough for configuration files that people can read in a log."""

import json


def yaml_text(value: dict, depth: int = 0) -> str:
    lines = []
    for key, item in value.items():
        start = "  " * depth + f"{key}:"
        if isinstance(item, dict) and item:
            lines.append(start + "\n" + yaml_text(item, depth + 1).rstrip("\n"))
        elif isinstance(item, list):
            lines.append(f"{start} [{', '.join(json.dumps(entry) for entry in item)}]")
        else:
            lines.append(f"{start} {json.dumps(item)}")
    return "\n".join(lines) + "\n"
