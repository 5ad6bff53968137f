// SPDX-License-Identifier: Apache-2.0
// Calls of the panel's Python side.

import { usePanelEvent } from "@fiftyone/operators";
import { createContext, useCallback, useContext, useEffect, useRef, useState } from "react";
import { get } from "./state";

export type Call = <T>(method: string, params?: object) => Promise<T>;

export const CallContext = createContext<Call>(() => Promise.reject(new Error("no panel")));

export const useCall = (): Call => useContext(CallContext);

const told = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n").pop() ?? text;
};

/** Makes the function that calls a method of the panel; what is wrong is thrown. */
export function useMethods(panelId: string, uris: Record<string, string>): Call {
  const trigger = usePanelEvent();
  const known = useRef({ trigger, uris });
  known.current = { trigger, uris };
  return useCallback(
    <T,>(method: string, params: object = {}) =>
      new Promise<T>((resolve, reject) => {
        known.current.trigger(panelId, {
          operator: known.current.uris[method],
          params: { label_field: get().field, ...params },
          callback: ({ result, error, errorMessage }) => {
            const problem = (result as { problem?: string } | null)?.problem;
            if (error || errorMessage) reject(new Error(told(error ?? errorMessage)));
            else if (problem && Object.keys(result as object).length === 1) reject(new Error(problem));
            else resolve(result as T);
            // What went wrong is told here, not by the App
            return false;
          },
        });
      }),
    [panelId],
  );
}

/** How long an answer that was asked for ahead is good, in milliseconds, and how many are kept. */
const GOOD = 60_000, KEPT = 4;

const ahead = new Map<string, { asked: number; answer: Promise<unknown> }>();

const place = (method: string, params: object, version: number) =>
  JSON.stringify([get().dataset, get().field, method, params, version]);

/** Asks a method for what is likely wanted next. */
export function useAhead(method: string, params: object | null, version: number): void {
  const call = useCall();
  const asked = params && JSON.stringify(params);
  useEffect(() => {
    if (!asked) return;
    const key = place(method, JSON.parse(asked), version);
    if (ahead.has(key)) return;
    const answer = call(method, JSON.parse(asked));
    ahead.set(key, { asked: Date.now(), answer });
    // Whoever wants it asks again, and is told
    answer.catch(() => ahead.delete(key));
    const [oldest] = ahead.keys();
    if (ahead.size > KEPT) ahead.delete(oldest);
  }, [call, method, asked, version]);
}

function askOrTake<T>(call: Call, method: string, params: object, version: number): Promise<T> {
  const key = place(method, params, version);
  const kept = ahead.get(key);
  if (kept && Date.now() - kept.asked < GOOD) return kept.answer as Promise<T>;
  ahead.delete(key);
  return call<T>(method, params);
}

/**
 * Asks a method, and again when what it is asked changes; late answers are dropped,
 * and until there is another, the answer is that to an earlier question.
 * What else it is told, as things stand then, does not make it ask again.
 */
export function useAnswer<T>(method: string | null, params: object, version: number, more?: () => object) {
  const call = useCall();
  const [answer, setAnswer] = useState<T | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [answered, setAnswered] = useState<string | null>(null);
  const asked = JSON.stringify(params);
  useEffect(() => {
    if (!method) return undefined;
    let wanted = true;
    askOrTake<T>(call, method, { ...JSON.parse(asked), ...more?.() }, version).then(
      (result) => {
        if (!wanted) return;
        setAnswer(result);
        setProblem(null);
        setAnswered(asked);
      },
      (error: Error) => {
        if (!wanted) return;
        setProblem(error.message);
        setAnswered(asked);
      },
    );
    return () => {
      wanted = false;
    };
  }, [call, method, asked, version]);
  return { answer, problem, late: answered !== asked };
}
