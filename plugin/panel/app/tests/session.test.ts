// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { NEW_SESSION, NO_FILTERS, readSession, type Session, writeSession } from "../src/session";

const ID = "64a1f0c2b3d4e5f601234567";
const SESSION: Session = {
  field: "ground_truth",
  filters: { kinds: ["gap"], sequence: "street", track: 7, least_score: 0.25, decision: "open", in_view: true },
  order: "time",
  limit: 300,
  chosen: ID,
  tab: "timeline",
  context: 2,
  window: 5,
  trailing: true,
};

const read = (value: unknown) => readSession(JSON.stringify(value));

describe("a stored session", () => {
  it("is read as it was written", () => {
    expect(readSession(writeSession(SESSION))).toEqual(SESSION);
  });

  it("keeps nothing but the session", () => {
    const state = { ...SESSION, pending: { [ID]: "confirmed" } };
    expect(readSession(writeSession(state))).toEqual(SESSION);
  });

  it("lists at most five pages again", () => {
    expect(readSession(writeSession({ ...SESSION, limit: 2000 })).limit).toBe(500);
  });

  it.each([null, "", "{", "null", "7", '"text"', "[]", "[1]"])("is new if %j was stored", (text) => {
    expect(readSession(text)).toEqual(NEW_SESSION);
  });

  it.each([0, 2, "1", null])("is new if version %j wrote it", (version) => {
    expect(read({ ...SESSION, version })).toEqual(NEW_SESSION);
  });

  it("is read if it was stored before formats had versions", () => {
    expect(read(SESSION)).toEqual(SESSION);
  });

  it.each([
    ["field", 7],
    ["limit", "100"],
    ["limit", -1],
    ["limit", 1e6],
    ["limit", 150.5],
    ["chosen", "unknown"],
    ["chosen", {}],
    ["tab", "settings"],
    ["order", "color"],
    ["window", 0],
    ["window", 2.5],
    ["window", 1000],
    ["trailing", 1],
  ] as const)("falls back to the default if %s is %j", (key, value) => {
    expect(read({ ...SESSION, [key]: value })).toEqual({ ...SESSION, [key]: NEW_SESSION[key] });
  });
});

describe("stored filters", () => {
  it("lack no key if an older version wrote fewer", () => {
    const filters = { kinds: ["gap"], track: 7 };
    expect(read({ ...SESSION, filters }).filters).toEqual({ ...NO_FILTERS, ...filters });
  });

  it("have no unknown key", () => {
    const filters = { ...SESSION.filters, color: "red" };
    expect(read({ ...SESSION, filters })).toEqual(SESSION);
  });

  it.each([null, "all", 7, []])("are the defaults if they are %j", (filters) => {
    expect(read({ ...SESSION, filters })).toEqual({ ...SESSION, filters: NO_FILTERS });
  });

  it.each([
    ["kinds", "gap"],
    ["kinds", [1]],
    ["kinds", null],
    ["sequence", 1],
    ["track", "7"],
    ["track", -1],
    ["track", 2 ** 31],
    ["track", 1.5],
    ["least_score", null],
    ["least_score", "0.5"],
    ["least_score", 2],
    ["decision", "later"],
    ["in_view", "yes"],
  ] as const)("fall back to the default if %s is %j", (key, value) => {
    const { filters } = read({ ...SESSION, filters: { ...SESSION.filters, [key]: value } });
    expect(filters).toEqual({ ...SESSION.filters, [key]: NO_FILTERS[key] });
  });
});
