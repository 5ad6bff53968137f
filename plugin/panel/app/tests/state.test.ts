// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it, vi } from "vitest";
import { NO_FILTERS } from "../src/session";

const stored = new Map<string, string>();

/** The state of a page that was just opened. */
async function load() {
  vi.resetModules();
  return await import("../src/state");
}

beforeEach(() => {
  stored.clear();
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
  });
});

describe("the state", () => {
  it("is remembered for each dataset", async () => {
    const before = await load();
    before.open("one");
    before.set({ tab: "timeline", filters: { ...NO_FILTERS, track: 7 } });
    before.open("two");
    expect(before.get()).toMatchObject({ tab: "issue", filters: NO_FILTERS });
    const after = await load();
    after.open("one");
    expect(after.get()).toMatchObject({ dataset: "one", tab: "timeline", filters: { track: 7 } });
  });

  it("has all filters if the stored ones lack some", async () => {
    stored.set("track-audit:one", JSON.stringify({ filters: { track: 7 }, tab: "timeline" }));
    const store = await load();
    store.open("one");
    expect(store.get().filters).toEqual({ ...NO_FILTERS, track: 7 });
  });

  it("survives a session that cannot be read", async () => {
    stored.set("track-audit:one", "{");
    const store = await load();
    store.open("one");
    expect(store.get()).toMatchObject({ dataset: "one", filters: NO_FILTERS, limit: 100 });
  });

  it("starts from the first page when it lists other issues", async () => {
    const store = await load();
    store.set({ limit: 300 });
    store.narrow({ filters: { ...NO_FILTERS, track: 7 } });
    expect(store.get()).toMatchObject({ limit: 100, filters: { track: 7 } });
  });

  it("lists another page only after the previous one", async () => {
    const store = await load();
    store.grow(99);
    expect(store.get().limit).toBe(100);
    store.grow(100);
    store.grow(100);
    expect(store.get().limit).toBe(200);
  });

  it("reloads when the App refreshes the dataset, but not at first", async () => {
    const store = await load();
    store.set({ replaced: [{ chosen: null, before: [] }] });
    store.refresh(3);
    store.refresh(3);
    expect(store.get()).toMatchObject({ version: 0, replaced: [{}] });
    store.refresh(4);
    expect(store.get()).toMatchObject({ version: 1, replaced: [] });
  });

  it("reloads for the refreshes that the panel did not ask for, even if they are counted at once", async () => {
    const store = await load();
    store.refresh(3);
    store.set({ expected: 1 });
    store.refresh(4);
    expect(store.get()).toMatchObject({ version: 0, expected: 0 });
    store.set({ expected: 1 });
    store.refresh(6);
    expect(store.get()).toMatchObject({ version: 1, expected: 0 });
    store.refresh(7);
    expect(store.get().version).toBe(2);
  });

  it("keeps counting when another dataset is opened", async () => {
    const store = await load();
    store.set({ version: 2, decisions: 3, underWay: 1, failure: "full", selected: ["a"] });
    store.open("one");
    expect(store.get()).toMatchObject({ version: 2, decisions: 3, underWay: 1, failure: null, selected: [] });
  });
});
