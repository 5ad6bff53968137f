// SPDX-License-Identifier: Apache-2.0

import { describe, expect, it } from "vitest";
import { findHeld, findShared, frameAt, readTime } from "../src/playback";

describe("frameAt", () => {
  it("counts frames from 1, in spite of rounding", () => {
    const step = 1 / 29.97;
    for (const frame of [1, 2, 77, 5000]) {
      expect(frameAt((frame - 1) * step, step)).toBe(frame);
      expect(frameAt((frame - 0.5) * step, step)).toBe(frame);
    }
  });
});

describe("findShared", () => {
  const node = (fiber: unknown) => ({ __reactFiber$x: fiber }) as unknown as Element;

  it("finds the nearest value with all names", () => {
    const wanted = { seek: () => undefined, stepInterval: 0.04 };
    const outer = { return: null, memoizedProps: { value: { ...wanted, stepInterval: 1 } } };
    const inner = { return: outer, memoizedProps: { value: wanted } };
    const start = { return: { return: inner, memoizedProps: { value: { seek: 1 } } }, memoizedProps: null };
    expect(findShared(node(start), ["seek", "stepInterval"])).toBe(wanted);
  });

  it("finds nothing without an element or a value", () => {
    expect(findShared<{ seek: unknown }>(null, ["seek"])).toBeNull();
    expect(findShared<{ seek: unknown }>({} as Element, ["seek"])).toBeNull();
    expect(
      findShared<{ seek: unknown }>(node({ return: null, memoizedProps: { value: "seek" } }), ["seek"]),
    ).toBeNull();
  });
});

describe("findHeld", () => {
  const held = { shown: new Map(), isShown: () => true };
  const hooks = (...states: unknown[]): unknown =>
    states.reduceRight<unknown>((next, memoizedState) => ({ memoizedState, next }), null);
  const find = (...states: unknown[]) => {
    const component = { return: null, memoizedState: hooks(...states) };
    const element = { return: component, memoizedState: null };
    return findHeld<typeof held>({ __reactFiber$x: element } as unknown as Element, ["shown", "isShown"]);
  };

  it("finds what an effect or a memoized value of the component around depends on", () => {
    expect(find(7, null, { deps: ["id", held] })).toBe(held);
    expect(find([() => 1, [{ shown: 1 }, held]])).toBe(held);
  });

  it("finds nothing elsewhere", () => {
    expect(find(held, [held], { deps: null }, [held, null])).toBeNull();
    expect(findHeld<typeof held>(null, ["shown"])).toBeNull();
  });
});

describe("readTime", () => {
  it("reads all spellings of the App", () => {
    const time = Date.UTC(2026, 10, 29, 10, 4, 22, 700);
    for (const spelt of ["2026-11-29T10:04:22.700Z", { _cls: "DateTime", datetime: time }, { $date: time }])
      expect(readTime(spelt)).toBe(time);
    expect(readTime(undefined)).toBeNull();
  });
});
