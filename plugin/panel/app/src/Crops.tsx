// SPDX-License-Identifier: Apache-2.0
// Crops of a track: the strip around an issue, and the frame under the pointer.

import React, { useEffect, useLayoutEffect, useRef, useState } from "react";
import { keep } from "./answers";
import { useCall } from "./api";
import { MAX_CONTEXT } from "./session";
import * as store from "./state";
import type { Box, Crop, Issue } from "./types";
import { NO_ZOOM, transformOf, zoomAt } from "./zoom";

/** By how much one step of the wheel enlarges a crop. */
const ZOOM_STEP = 1.25;

const boxes = (positions: Box[], className: string) =>
  positions.map((box) => {
    const [x, y, width, height] = box;
    return <rect key={box.join()} className={className} {...{ x, y, width, height }} />;
  });

/** A crop with the boxes of the track and of the other track, as wide as the room if it is `large`. */
export const CropImage = ({ crop: { size, image, ...crop }, large }: { crop: Crop; large?: boolean }) => (
  <span style={{ width: large ? undefined : size[0], aspectRatio: size.join("/") }}>
    <img src={`data:image/jpeg;base64,${image}`} width={size[0]} height={size[1]} alt="" />
    <svg viewBox={`0 0 ${size[0]} ${size[1]}`} aria-hidden="true">
      {boxes(crop.other_boxes, "other")}
      {boxes(crop.boxes, "own")}
      {boxes(crop.suggested_boxes, "suggested")}
    </svg>
  </span>
);

interface StripProps {
  strip: Crop[];
  playhead: number | null;
  show: (frame: number) => void;
}

/** The frames around the issue, and the one at the peak or under the pointer in large beside them. */
export function Crops({ peak, children, ...props }: StripProps & { peak: number; children: React.ReactNode }) {
  const [hovered, setHovered] = useState<number | null>(null);
  const { strip } = props;
  const find = (frame: number | null) => strip.find((crop) => crop.frame === frame);
  const large = find(hovered) ?? find(peak) ?? strip.find(({ place }) => place === "at") ?? strip[0];
  return (
    <div className="crops">
      <LargeCrop crop={large} />
      <div className="beside">
        <Strip {...props} hover={setHovered} />
        <div className="row">
          <ContextSlider />
          {children}
        </div>
      </div>
    </div>
  );
}

/** The crop in large. The wheel enlarges the place under the pointer, and a click the whole crop. */
function LargeCrop({ crop }: { crop: Crop }) {
  const [zoom, setZoom] = useState(NO_ZOOM);
  const { enlarged } = store.useStored();
  const node = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const button = node.current;
    // React's own wheel events cannot keep the page from scrolling
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      const { left, top, width, height } = (event.currentTarget as HTMLElement).getBoundingClientRect();
      const at: [number, number] = [(event.clientX - left) / width, (event.clientY - top) / height];
      setZoom((zoom) => zoomAt(zoom, at, event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP));
    };
    button?.addEventListener("wheel", turn, { passive: false });
    return () => button?.removeEventListener("wheel", turn);
  }, []);
  return (
    <figure className={enlarged ? "large enlarged" : "large"} data-testid="large" data-frame={crop.frame}>
      <button
        ref={node}
        aria-label={enlarged ? "Shrink the crop" : "Enlarge the crop"}
        onClick={() => store.set({ enlarged: !enlarged })}
        onPointerLeave={() => setZoom(NO_ZOOM)}
      >
        <span className="zoomed" data-scale={zoom.scale} style={{ transform: transformOf(zoom) }}>
          <CropImage crop={crop} large />
        </span>
      </button>
      <figcaption>frame {crop.frame}</figcaption>
    </figure>
  );
}

/** How much of the surroundings the crops show. */
function ContextSlider() {
  const { context } = store.useStored();
  return (
    <label className="quiet" title="How much the crops show of the surroundings">
      context
      <input
        type="range"
        min={1}
        max={MAX_CONTEXT}
        step={0.5}
        aria-label="Context"
        value={context}
        onChange={({ target }) => store.set({ context: Number(target.value) })}
      />
    </label>
  );
}

/** The frames around the issue, scrolled to those of the issue if there is no room for all. */
function Strip({ strip, playhead, show, hover }: StripProps & { hover: (frame: number | null) => void }) {
  const node = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const first = node.current?.querySelector<HTMLElement>(".at");
    first?.parentElement?.scrollTo({ left: first.offsetLeft - 2 * first.offsetWidth });
  }, [strip]);
  return (
    <div className="strip" data-testid="strip" ref={node}>
      {strip.map((crop) => (
        <button
          key={crop.frame}
          className={`crop ${crop.place} ${crop.frame === playhead ? "now" : ""}`}
          data-frame={crop.frame}
          title={`Show frame ${crop.frame_name} in the video`}
          onClick={() => show(crop.frame)}
          onPointerEnter={() => hover(crop.frame)}
          onPointerLeave={() => hover(null)}
        >
          <CropImage crop={crop} />
          <small>{crop.frame}</small>
        </button>
      ))}
    </div>
  );
}

/** How long the pointer rests on a frame before its crop is requested, in milliseconds. */
const DELAY = 120;
/** The number of crops that are kept. */
const CACHE_SIZE = 200;

const cache = new Map<string, Crop | null>();

type Place = Pick<Issue, "sequence" | "track">;

/** Return the crop of a track in a frame, or null until it has arrived. */
function useCrop({ sequence, track }: Place, frame: number): Crop | null {
  const call = useCall();
  const [crop, setCrop] = useState<Crop | null>(null);
  const { dataset, field, version } = store.get();
  const key = [dataset, field, version, sequence, track, frame].join("/");
  useEffect(() => {
    const known = cache.get(key);
    setCrop(known ?? null);
    if (known !== undefined) return undefined;
    let wanted = true;
    const timer = setTimeout(() => {
      call<{ crop: Crop | null }>("show_crop", { sequence, track, frame }).then(
        ({ crop }) => {
          keep(cache, key, crop, CACHE_SIZE);
          if (wanted) setCrop(crop);
        },
        // The values are shown even without the crop
        () => undefined,
      );
    }, DELAY);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [call, key, sequence, track, frame]);
  return crop?.frame === frame ? crop : null;
}

interface HoverProps {
  track: Place;
  frame: number;
  /** The position of the pointer in the plots, in pixels. */
  x: number;
  y: number;
  /** The width of the plots. */
  width: number;
}

/** The frame under the pointer, with the track's crop as soon as it has arrived. */
export function HoverCrop({ track, frame, x, y, width }: HoverProps) {
  const crop = useCrop(track, frame);
  return (
    <figure className={x < width / 2 ? "hover" : "hover left"} style={{ left: x, top: y }} data-testid="hover-crop">
      {crop && <CropImage crop={crop} />}
      <figcaption>frame {frame}</figcaption>
    </figure>
  );
}
