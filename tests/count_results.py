"""Counts the cases of one JUnit or GoogleTest XML report: prints "passed failed" and names what failed on stderr.

usage: count_results.py REPORT EXIT_CODE

A case that did not run counts as failed. So does a program that fails without a failed case, or dies before its report.
"""

import sys
import xml.etree.ElementTree as ElementTree


def count(report, exit_code):
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        print(f"no report: {report}", file=sys.stderr)
        return 0, 1
    passed, failed = 0, 0
    for case in cases:
        if case.find("failure") is None and case.find("error") is None and not not_run(case):
            passed += 1
        else:
            failed += 1
            how = "did not run" if not_run(case) else "failed"
            print(f"{how}: {case.get('classname')}.{case.get('name')}", file=sys.stderr)
    if not cases or (exit_code != 0 and failed == 0):
        print(f"exit code {exit_code} with {len(cases)} cases and none failed", file=sys.stderr)
        failed += 1
    return passed, failed


def not_run(case):
    return case.find("skipped") is not None or case.get("status") == "notrun" or case.get("result") == "skipped"


if __name__ == "__main__":
    print(*count(sys.argv[1], int(sys.argv[2])))
