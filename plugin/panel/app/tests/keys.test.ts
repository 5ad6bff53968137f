// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { isPressed, keyName } from "../src/keys";

const press = (key: string, change: object = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  repeat: false,
  ...change,
});

describe("keyName", () => {
  it.each([
    ["j", {}, "j"],
    ["C", {}, "c"],
    ["z", { ctrlKey: true }, "Ctrl+z"],
    ["z", { metaKey: true }, "Ctrl+z"],
    ["c", { ctrlKey: true }, "Ctrl+c"],
    ["Z", { ctrlKey: true, shiftKey: true }, null],
    ["c", { altKey: true }, null],
    ["C", { shiftKey: true }, null],
    ["?", { shiftKey: true }, "?"],
  ])("names %s with %j %s", (key, change, name) => {
    expect(keyName(press(key, change))).toBe(name);
  });
});

describe("isPressed", () => {
  it("repeats only the keys that step through the list", () => {
    expect(isPressed("c", press("c"))).toBe(true);
    expect(isPressed("c", press("c", { repeat: true }))).toBe(false);
    expect(isPressed("j", press("j", { repeat: true }))).toBe(true);
    expect(isPressed("k", press("k", { repeat: true }))).toBe(true);
  });
});
