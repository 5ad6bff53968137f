// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from "vitest";
import {
  boxAround,
  boxInPlayer,
  canShow,
  findLoop,
  findTarget,
  follow,
  type Looker,
  listMarks,
  makeSolo,
  makeThumbnailFilter,
  offsetOf,
  sampleOf,
  traceOutlines,
  zoomTo,
} from "../src/looker";
import type { Box, Figure } from "../src/types";

const makeLooker = (support?: [number, number], sample?: Looker["sample"]): Looker => ({
  sample,
  frameNumber: 1,
  state: { config: { sampleId: "clip-or-video", support } },
  addEventListener: vi.fn(),
  removeEventListener: vi.fn(),
});

const SEQUENCE = {
  name: "street",
  frames: 150,
  issues: 0,
  samples: [
    { id: "one", offset: 0, length: 100 },
    { id: "two", offset: 100, length: 50 },
  ],
};

describe("zoomTo", () => {
  const track = {
    frame: [4, 5, 6],
    left: [0, 100, 110],
    top: [0, 50, 50],
    width: [10, 20, 20],
    height: [10, 40, 40],
  };
  const state = (scale: number, pan: [number, number]): Looker["state"] => ({
    ...makeLooker().state,
    windowBBox: [10, 20, 800, 400],
    transformedMediaBBox: [10 + pan[0], 20 + pan[1], 800 * scale, 400 * scale],
    scale,
    pan,
  });

  it("shows the tracks of the frames large and in the middle, whatever is shown now", () => {
    const box = boxAround([track], 5, 6);
    expect(box).toEqual([100, 50, 30, 40]);
    for (const now of [state(1, [0, 0]), state(2, [-100, -50])]) {
      const zoomed = zoomTo(now, [400, 200], box ?? [0, 0, 0, 0]);
      // The box is 80 pixels high at scale 1, and its center is at 230, 140
      expect(zoomed).toEqual({ scale: 2, pan: [400 - 2 * 230, 200 - 2 * 140] });
    }
  });

  it("needs a box and an image", () => {
    expect(boxAround([track], 7, 9)).toBeNull();
    expect(zoomTo(state(1, [0, 0]), [null, null], [0, 0, 1, 1])).toBeNull();
    expect(zoomTo(state(1, [0, 0]), [400, 200], [0, 0, 1, 1])?.scale).toBe(4);
    expect(zoomTo(state(1, [0, 0]), [400, 200], [0, 0, 400, 200])?.scale).toBe(1);
  });
});

describe("sampleOf", () => {
  it("is the video, or the one that a clip is part of", () => {
    expect(sampleOf(makeLooker())).toBe("clip-or-video");
    expect(sampleOf(makeLooker([5, 9], { _id: "clip", _sample_id: "video" }))).toBe("video");
  });

  it("is unknown while a clip loads", () => {
    expect(sampleOf(makeLooker([5, 9]))).toBeNull();
  });
});

describe("canShow", () => {
  it("includes all frames of a video", () => {
    expect(canShow(makeLooker(), { sample: "clip-or-video", frame: 1000 })).toBe(true);
    expect(canShow(makeLooker(), { sample: "other", frame: 1 })).toBe(false);
  });

  it.each([
    [4, false],
    [5, true],
    [9, true],
    [10, false],
  ])("includes frame %i of a clip of frames 5 to 9: %s", (frame, expected) => {
    const clip = makeLooker([5, 9], { _sample_id: "video" });
    expect(canShow(clip, { sample: "video", frame })).toBe(expected);
  });
});

describe("findTarget", () => {
  it.each([
    [1, "one", 1],
    [100, "one", 100],
    [101, "two", 1],
    [150, "two", 50],
  ])("finds frame %i of the sequence in sample %s, frame %i", (wanted, sample, frame) => {
    expect(findTarget(SEQUENCE, wanted, "issue")).toEqual({ sample, frame, issue: "issue" });
  });

  it("finds nothing outside the sequence", () => {
    expect(findTarget(SEQUENCE, 0)).toBeUndefined();
    expect(findTarget(SEQUENCE, 151)).toBeUndefined();
    expect(findTarget(undefined, 1)).toBeUndefined();
  });
});

describe("offsetOf", () => {
  it("is the number of frames before a sample", () => {
    expect(offsetOf(SEQUENCE, "one")).toBe(0);
    expect(offsetOf(SEQUENCE, "two")).toBe(100);
    expect(offsetOf(SEQUENCE, "other")).toBeNull();
    expect(offsetOf(undefined, "one")).toBeNull();
  });
});

describe("follow", () => {
  it("listens until it is stopped", () => {
    const stop = vi.fn();
    const looker = { ...makeLooker(), subscribeToState: vi.fn(() => stop) };
    const listener = () => undefined;
    const unfollow = follow(looker, "frameNumber", listener);
    expect(looker.subscribeToState).toHaveBeenCalledWith("frameNumber", listener);
    expect(looker.addEventListener).toHaveBeenCalledWith("load", listener);
    unfollow();
    expect(stop).toHaveBeenCalledOnce();
    expect(looker.removeEventListener).toHaveBeenCalledWith("load", listener);
  });
});

describe("boxInPlayer", () => {
  const state: Looker["state"] = {
    config: { sampleId: "video" },
    windowBBox: [10, 20, 800, 600],
    transformedMediaBBox: [30, 50, 960, 540],
  };
  const track = {
    frame: [4, null, 5],
    left: [100, null, 200],
    top: [50, null, 60],
    width: [40, null, 40],
    height: [80, null, 80],
  };

  it("scales and moves a box with the video", () => {
    expect(boxInPlayer(state, [1920, 1080], track, 4)).toEqual([70, 55, 20, 40]);
    expect(boxInPlayer(state, [1920, 1080], track, 5)).toEqual([120, 60, 20, 40]);
  });

  it("is nowhere in frames without a box, or while sizes are unknown", () => {
    expect(boxInPlayer(state, [1920, 1080], track, 6)).toBeNull();
    expect(boxInPlayer(state, [null, null], track, 4)).toBeNull();
    expect(boxInPlayer({ ...state, windowBBox: undefined }, [1920, 1080], track, 4)).toBeNull();
    expect(boxInPlayer({ ...state, transformedMediaBBox: undefined }, [1920, 1080], track, 4)).toBeNull();
  });

  it("outlines boxes where the player shows them, and none while sizes are unknown", () => {
    const boxes: Box[] = [
      [100, 50, 40, 80],
      [200, 60, 40, 80],
    ];
    expect(traceOutlines(state, [1920, 1080], boxes)).toBe("M70 55h20v40h-20zM120 60h20v40h-20z");
    expect(traceOutlines(state, [1920, 1080], [])).toBe("");
    expect(traceOutlines({ ...state, windowBBox: undefined }, [1920, 1080], boxes)).toBe("");
  });
});

describe("listMarks", () => {
  const [one, two, three, suggested] = [1, 2, 3, 4].map((frame) => ({
    frame: [frame],
    left: [0],
    top: [0],
    width: [9],
    height: [9],
  }));
  const plot = { image: [90, 90], tracks: [one, two, three], labels: [], suggested } as unknown as Figure;

  it("marks the tracks of the issue, and what its fix would draw", () => {
    const issue = { tracks: [2, 0], first: 1, last: 3, peak: 2 };
    expect(listMarks({ ...plot, issue } as unknown as Figure)).toEqual([
      { kind: "own", track: three },
      { kind: "other", track: one },
      { kind: "suggested", track: suggested },
    ]);
  });

  it("marks what a fix would draw for an object without a track", () => {
    const issue = { tracks: [], first: 1, last: 3, peak: 2 };
    expect(listMarks({ ...plot, issue } as unknown as Figure)).toEqual([{ kind: "suggested", track: suggested }]);
  });
});

describe("makeSolo", () => {
  it("passes the labels of the issue, and what passed before of other fields", () => {
    const before = (path: string, { id }: { id?: string }) => path !== "hidden" && id !== "gone";
    const shows = makeSolo(before, "boxes", ["a", "b", "gone"], "i1");
    expect(shows("frames.boxes", { id: "a" })).toBe(true);
    expect(shows("boxes", { _id: "b", id: "b" })).toBe(true);
    expect(shows("frames.boxes", { id: "c" })).toBe(false);
    expect(shows("frames.boxes", { id: "gone" })).toBe(false);
    expect(shows("issues", { id: "i1" })).toBe(true);
    expect(shows("issues", { id: "i2" })).toBe(false);
    expect(shows("frames.others", { id: "c" })).toBe(true);
    expect(shows("hidden", { id: "c" })).toBe(false);
    expect(makeSolo(null, "boxes", ["a"], "i1")("frames.boxes", { _id: "a" })).toBe(true);
  });
});

describe("makeThumbnailFilter", () => {
  const issue = { track: 3, other_track: 5, label_field: "boxes" };

  it("passes the boxes of the issue's tracks, and what passed before of other fields", () => {
    const before = (path: string) => path !== "hidden";
    const shows = makeThumbnailFilter(before, "boxes", issue);
    expect([1, 3, 5].map((index) => shows?.("frames.boxes", { index }))).toEqual([false, true, true]);
    expect(shows?.("frames.boxes", {})).toBe(false);
    expect(shows?.("issues", {})).toBe(true);
    expect(shows?.("hidden", { index: 3 })).toBe(false);
  });

  it("leaves clips alone that are of no issue with a track", () => {
    for (const other of [undefined, null, {}, { ...issue, label_field: "others" }, { ...issue, track: -1 }])
      expect(makeThumbnailFilter(null, "boxes", other)).toBeNull();
  });
});

describe("findLoop", () => {
  it("plays a second more on either side, as far as there are frames", () => {
    expect(findLoop(50, 60, 10, [1, 100])).toEqual([40, 70]);
    expect(findLoop(5, 95, 10, [1, 100])).toEqual([1, 100]);
    expect(findLoop(50, 50, 29.97, [45, 55])).toEqual([45, 55]);
  });
});
