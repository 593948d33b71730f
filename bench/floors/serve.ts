/** A question of the bench to one of its child processes, and the answer. Over Node's IPC channel. */
export interface Question {
  readonly id: number;
  readonly ask: string;
  readonly about: unknown;
}

export type Answer =
  { readonly id: number; readonly result: unknown } | { readonly id: number; readonly failure: string };

/** What a child process can be asked. */
export type Answers = Readonly<Record<string, (about: never) => unknown>>;

/** Answers until the bench hangs up, and then is gone. Ctrl-C reaches the whole group: the bench tells us what to do. */
export function serve(answers: Answers): void {
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (question: Question) => void answer(answers, question));
}

async function answer(answers: Answers, { id, ask, about }: Question): Promise<void> {
  try {
    const how = answers[ask];
    if (how === undefined) throw new Error(`asked for ${ask}, which nobody offers`);
    process.send?.({ id, result: await how(about as never) } satisfies Answer);
  } catch (error) {
    const { stack } = error as { readonly stack?: string };
    process.send?.({ id, failure: stack ?? String(error) } satisfies Answer);
  }
}
