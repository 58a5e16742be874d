package cmd

// providersHelp is `infer help providers`.
const providersHelp = `A provider is where models are called. These names need no configuration:
-m openai/MODEL, anthropic/MODEL, gemini/MODEL, bedrock/MODEL, and every preset
(openrouter, groq, deepseek, mistral, xai, together, ollama, vllm, litellm, …).
Others stand in infer.yaml under providers, by a name of yours:

  relay:   {base_url: "https://relay.example/v1", api_key_env: RELAY_KEY}
  azure:   {preset: azure, base_url: "https://NAME.openai.azure.com/openai/v1"}
  older:   {preset: azure, api_version: "2024-10-21",
            base_url: "https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT"}
  new:     {preset: openai, api: responses}
  claude:  {type: anthropic}
  google:  {type: gemini}
  vertex:  {type: gemini, api_key_env: TOKEN, api_key_header: Authorization,
            base_url: "https://REGION-aiplatform.googleapis.com/v1/projects/P/locations/REGION/publishers/google"}
  aws:     {type: bedrock, region: us-east-1, profile: work}

Requests are the same for all: parameters and tools in OpenAI's form. What a wire
has under another name is renamed (max_tokens, stop, tool_choice, response_format);
every other parameter is passed on as it is, and the server decides.
Anthropic wants max_tokens: 4096 where neither task nor candidate says it.

Keys come from api_key_env, api_key_file, or api_key_cmd in your own file; never
from a project file. They go to the provider's host alone, and over plain http only
to this machine, unless allow_http is set. Bedrock uses the AWS chain, or
AWS_BEARER_TOKEN_BEDROCK.

YOUR APPLICATION, AS A JSON ENDPOINT
  app:
    type: http
    base_url: "https://app.example/answer"
    request: {question: "{{input}}", history: "{{messages}}", temperature: "{{params.temperature}}"}
    response: {text: data.answer, input_tokens: usage.in, output_tokens: usage.out, cost_usd: usage.cost}
A placeholder alone becomes the value itself, inside a text it becomes text:
{{input}}, {{system}}, {{messages}}, {{model}}, {{task_id}}, {{task_type}},
{{repeat}}, {{tools}}, {{response_format}}, {{params}}, {{params.NAME}}.

YOUR APPLICATION, AS A PROGRAM (with --allow-exec)
  app: {type: command, command: [python3, app.py], env: [APP_TOKEN]}
It reads one JSON object a line and writes one a line:
  {"schema":"infer.call/1","id":1,"model":"…","system":"…","messages":[…],"params":{…},"task_id":"…",…}
  {"id":1,"output":"…","usage":{"in_fresh":9,"out_text":3},"cost_usd":0.0001}
  {"id":1,"error":{"message":"…","status":429,"retry_after_ms":500}}
It is kept running, one for each call in flight; per_call: true starts it anew each
time. It gets PATH, HOME, LANG and what env names. A call that runs out of time ends
it with all that it has started. What it says that a call cost is used as it is.`
