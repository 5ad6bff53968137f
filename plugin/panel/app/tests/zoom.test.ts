// SPDX-License-Identifier: Apache-2.0

import { expect, test } from "vitest";
import { NO_ZOOM, transformOf, zoomAt } from "../src/zoom";

test("the place under the pointer stays where it is", () => {
  const once = zoomAt(NO_ZOOM, [0.5, 0.25], 2);
  expect(once).toEqual({ scale: 2, left: -0.5, top: -0.25 });
  expect(zoomAt(once, [0.5, 0.25], 2)).toEqual({ scale: 4, left: -1.5, top: -0.75 });
});

test("the picture fills its frame, and is never smaller", () => {
  const corner = zoomAt(NO_ZOOM, [1, 1], 2);
  expect(zoomAt(corner, [0, 0], 1 / 4)).toEqual({ scale: 1, left: 0, top: 0 });
  expect(zoomAt(NO_ZOOM, [0, 0], 100).scale).toBe(8);
  expect(transformOf(corner)).toBe("translate(-100%, -100%) scale(2)");
});
