// Asking the twin's GraphQL API.

interface Answer<T> {
  data?: T | null;
  errors?: { message: string }[];
}

/** The answer's data; an Error with the server's own words when there is none or only part of it. */
export async function ask<T>(
  url: string,
  query: string,
  variables: Record<string, unknown> = {},
  signal?: AbortSignal,
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ query, variables }),
      ...(signal ? { signal } : {}),
    });
  } catch (failure) {
    if (signal?.aborted) throw failure;
    throw new Error("The server cannot be reached.", { cause: failure });
  }
  const answer = (await response.json().catch(() => ({}))) as Answer<T>;
  if (answer.errors?.length) throw new Error(answer.errors.map((error) => error.message).join(" "));
  if (!response.ok || !answer.data) throw new Error(`The server answered ${response.status} without data.`);
  return answer.data;
}
