// SPDX-License-Identifier: Apache-2.0
// Types of the modules that the App shares with plugins, and of files that are not TypeScript.

declare module "*.css" {
  const text: string;
  export default text;
}

declare module "plotly.js-basic-dist-min" {
  const Plotly: {
    react(node: HTMLElement, traces: object[], layout: object, config: object): Promise<unknown>;
    purge(node: HTMLElement): void;
  };
  export default Plotly;
}

declare module "recoil" {
  export function useRecoilValue<T>(atom: RecoilAtom<T>): T;
  export interface RecoilAtom<T> {
    key: string;
    value?: T;
  }
}

declare module "@fiftyone/state" {
  import type { RecoilAtom } from "recoil";
  import type { Looker } from "./looker";
  export const modalLooker: RecoilAtom<Looker | null>;
  export const isModalActive: RecoilAtom<boolean>;
  export const datasetName: RecoilAtom<string | null>;
  export const view: RecoilAtom<unknown[]>;
  export const filters: RecoilAtom<Record<string, unknown>>;
  export const refresher: RecoilAtom<number>;
  export function useRefresh(): () => void;
  export function useClearModal(): () => void;
  export function useModalMode(): "explore" | "annotate";
  export function useModalModeController(): { activateAnnotateMode(): void; activateExploreMode(): void };
  interface ModalSample {
    _id: string;
    _media_type?: string;
    last_modified_at?: unknown;
  }
  export function useModalSample(): { sample: ModalSample } | undefined;
  export function useRefreshSample(): (sample: object) => void;
  export function useSetModalState(): () => Promise<void>;
  export const theme: RecoilAtom<"light" | "dark">;
}

declare module "@fiftyone/operators" {
  import type { Reply } from "./answers";

  type Callback = (reply: Reply) => unknown;
  export function usePanelEvent(): (
    panelId: string,
    event: { operator: string; params: object; callback: Callback },
  ) => void;
  export function usePromptOperatorInput(): (uri: string, params?: object, options?: { callback?: Callback }) => void;
  export function executeOperator(uri: string, params?: object, options?: { callback?: Callback }): Promise<unknown>;
}

declare module "@fiftyone/spaces" {
  interface SpaceNode {
    type: string;
    parent?: SpaceNode;
  }
  interface SpaceTree {
    canSplitLayout(node: SpaceNode): boolean;
    splitLayout(node: SpaceNode, layout: string, panel: SpaceNode): void;
  }
  export const Layout: { Horizontal: string; Vertical: string };
  export function useSpaces(id: string): { spaces: SpaceTree };
  export function useSpaceNodes(id: string): SpaceNode[];
}

declare module "@fiftyone/playback" {
  export interface PlaybackStore {
    get: unknown;
    set: unknown;
    sub: unknown;
  }
  /** Return the time that a player shows, in seconds. */
  export function getPlayhead(store: PlaybackStore): number;
  export function subscribePlayhead(store: PlaybackStore, listener: () => void): () => void;
}

declare module "@fiftyone/plugins" {
  import type { ComponentType } from "react";
  export const PluginComponentType: { Component: number };
  export function registerComponent(options: {
    name: string;
    label: string;
    component: ComponentType<never>;
    type: number;
    activator: () => boolean;
  }): void;
}

declare module "*/pictures/plots.js" {
  export function figureHeight(count: number, width: number): number;
  export function makeFigure(options: {
    panels: object[];
    issue: object;
    tracks: object[];
    width: number;
    color: (name: string) => string;
    kind: string;
  }): { traces: object[]; layout: Record<string, unknown>; height: number };
}
