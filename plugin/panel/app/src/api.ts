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

/** Keeps a value, and no more than so many: the oldest goes. */
export function keep<T>(values: Map<string, T>, name: string, value: T, most: number): void {
  values.set(name, value);
  const [oldest] = values.keys();
  if (values.size > most) values.delete(oldest);
}

/** How long an answer is good, in milliseconds, and how many are kept. */
const GOOD = 60_000, KEPT = 12;

/** What was answered to which question: the panel above the grid and that beside the video share it. */
const answers = new Map<string, { asked: number; answer: Promise<unknown> }>();

/** Asks a method, unless it was asked and told the same just now. */
function ask<T>(call: Call, method: string, params: object, version: number, more: object = {}): Promise<T> {
  const key = JSON.stringify([get().dataset, get().field, method, params, version, more]);
  const kept = answers.get(key);
  if (kept && Date.now() - kept.asked < GOOD) return kept.answer as Promise<T>;
  const answer = call<T>(method, { ...params, ...more });
  answers.delete(key);
  keep(answers, key, { asked: Date.now(), answer }, KEPT);
  // Whoever wants it asks again, and is told
  answer.catch(() => answers.delete(key));
  return answer;
}

/** Asks a method for what is likely wanted next. */
export function useAhead(method: string, params: object | null, version: number): void {
  const call = useCall();
  const asked = params && JSON.stringify(params);
  useEffect(() => {
    // What goes wrong is told to whoever wants it
    if (asked) ask(call, method, JSON.parse(asked), version).catch(() => undefined);
  }, [call, method, asked, version]);
}

/** The last good answer, what has gone wrong since, and to which question that was said. */
interface Answer<T> {
  answer: T | null;
  problem: string | null;
  asked: string | null;
}

/** How long the next question waits for the answer to the one before, in milliseconds. */
const PATIENCE = 1000;

/**
 * Asks a method, and again when what it is asked changes; late answers are dropped,
 * and until there is another, the answer is that to an earlier question.
 * Of many questions that come quickly, only the last one is asked.
 * What else it is told, as things stand then, does not make it ask again.
 */
export function useAnswer<T>(method: string | null, params: object, version: number, more?: () => object) {
  const call = useCall();
  const [last, setLast] = useState<Answer<T>>({ answer: null, problem: null, asked: null });
  const before = useRef<Promise<unknown>>(Promise.resolve());
  const asked = JSON.stringify({ params, version });
  useEffect(() => {
    if (!method) return undefined;
    let wanted = true;
    void before.current.then(() => {
      if (!wanted) return;
      const answered = ask<T>(call, method, JSON.parse(asked).params, version, more?.()).then(
        (answer) => wanted && setLast({ answer, problem: null, asked }),
        (error: Error) => wanted && setLast(({ answer }) => ({ answer, problem: error.message, asked })),
      );
      before.current = Promise.race([answered, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
    });
    return () => {
      wanted = false;
    };
  }, [call, method, asked]);
  return { answer: last.answer, problem: last.problem, late: last.asked !== asked };
}
