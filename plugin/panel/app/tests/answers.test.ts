// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { errorText, keep, resultOf } from "../src/answers";

describe("errorText", () => {
  it("is the last line of a traceback", () => {
    expect(errorText("Traceback:\n  line 1\nValueError: no such issue\n")).toBe("ValueError: no such issue");
    expect(errorText(new Error("Failed to fetch"))).toBe("Failed to fetch");
    expect(errorText(7)).toBe("7");
  });
});

describe("resultOf", () => {
  it("returns the result", () => {
    expect(resultOf({ result: { decided: 2 } })).toEqual({ decided: 2 });
    expect(resultOf({ result: null })).toBeNull();
  });

  it("throws errors of the call", () => {
    expect(() => resultOf({ error: "Traceback\nKeyError: 'id'" })).toThrow("KeyError: 'id'");
    expect(() => resultOf({ errorMessage: "Failed to fetch" })).toThrow("Failed to fetch");
  });

  it("throws a problem that is the only result", () => {
    expect(() => resultOf({ result: { problem: "There is no such issue" } })).toThrow("no such issue");
  });

  it("returns a result with a problem in it", () => {
    const result = { issue: {}, problem: "The frames are missing" };
    expect(resultOf({ result })).toEqual(result);
    expect(resultOf({ result: { problem: null } })).toEqual({ problem: null });
  });
});

describe("keep", () => {
  it("drops the oldest value of a full cache", () => {
    const cache = new Map<string, number>();
    for (const [value, key] of ["a", "b", "c"].entries()) keep(cache, key, value, 2);
    expect([...cache]).toEqual([
      ["b", 1],
      ["c", 2],
    ]);
  });

  it("replaces a value without dropping another", () => {
    const cache = new Map([
      ["a", 1],
      ["b", 2],
    ]);
    keep(cache, "b", 3, 2);
    expect([...cache.values()]).toEqual([1, 3]);
  });
});
