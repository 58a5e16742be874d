// Package bedrock speaks Amazon Bedrock's Converse and ConverseStream through the
// AWS SDK, for its request signing and its event-stream framing. The SDK's own
// retries are off: there is one retry layer and it is not here.
//
// Credentials come from the SDK's chain (environment, shared configuration, SSO,
// container, instance) or from a Bedrock API key; they are looked up when a
// client is made, so that their lack is known before anything is run.
//
// Requests come in infer's own form, which is OpenAI's: max_tokens, temperature,
// top_p and stop go into inferenceConfig; service_tier and guardrailConfig are
// Bedrock's own; every other parameter goes to the model as it is, in
// additionalModelRequestFields.
//
// Not guaranteed: that a usage object is kept byte for byte. The SDK reads it;
// what is kept as raw is what it read, under the names of the wire.
package bedrock

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/smithy-go/auth/bearer"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// KeyEnv is the environment variable that people keep a Bedrock API key in.
const KeyEnv = "AWS_BEARER_TOKEN_BEDROCK"

// lookup bounds the search for credentials: on a laptop the instance's metadata
// service does not answer.
const lookup = 15 * time.Second

// Config of a client.
type Config struct {
	Name      string        // the provider's name, for messages
	Region    string        // "" = that of the SDK's chain
	Profile   string        // of the shared configuration; "" = the default
	BaseURL   string        // "" = Bedrock's own of the region
	Key       providers.Key // a Bedrock API key; empty = credentials of the chain
	AllowHTTP bool          // credentials may go over plain http to a host that is not loopback
	Timeouts  httpx.Timeouts
	HTTP      *http.Client            // nil = httpx.NewClient
	Chain     aws.CredentialsProvider // nil = the SDK's
}

// Client calls one region. It is safe for concurrent use.
type Client struct {
	cfg    Config
	api    *bedrockruntime.Client
	redact *providers.Redactor
}

// New checks the configuration and finds the credentials. Errors are
// eval.KindInvalid, or eval.KindCredentials where there are none.
func New(ctx context.Context, cfg Config) (*Client, error) {
	if cfg.BaseURL != "" {
		if _, err := httpx.CheckBase(cfg.BaseURL, true, cfg.AllowHTTP); err != nil {
			return nil, fmt.Errorf("provider %s: %w", cfg.Name, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lookup)
	defer cancel()
	options := []func(*config.LoadOptions) error{
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
	}
	if cfg.Region != "" {
		options = append(options, config.WithRegion(cfg.Region))
	}
	if cfg.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(cfg.Profile))
	}
	if cfg.Chain != nil {
		options = append(options, config.WithCredentialsProvider(cfg.Chain))
	}
	sdk, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, eval.Invalid(fmt.Errorf("provider %s: AWS configuration: %w", cfg.Name, err), "mend the shared configuration, or name another profile")
	}
	if sdk.Region == "" {
		return nil, eval.Invalid(fmt.Errorf("provider %s has no region", cfg.Name), "set region: us-east-1, or AWS_REGION")
	}
	secrets, err := cfg.secrets(ctx, &sdk)
	if err != nil {
		return nil, err
	}
	if cfg.HTTP == nil {
		cfg.HTTP = transport(cfg.Timeouts.Connect, &sdk)
	}
	api := bedrockruntime.NewFromConfig(sdk, func(o *bedrockruntime.Options) {
		o.HTTPClient = doer{cfg.HTTP}
		if cfg.BaseURL != "" {
			o.BaseEndpoint = aws.String(cfg.BaseURL)
		}
		if !cfg.Key.Empty() {
			o.BearerAuthTokenProvider = bearer.StaticTokenProvider{Token: bearer.Token{Value: cfg.Key.Reveal()}}
			o.AuthSchemePreference = []string{"httpBearerAuth"}
		}
	})
	return &Client{cfg: cfg, api: api, redact: providers.NewRedactor(secrets...)}, nil
}

// transport is that of all wires, with the certificates of AWS_CA_BUNDLE, which
// the SDK has read, where there are any.
func transport(connect time.Duration, sdk *aws.Config) *http.Client {
	client := httpx.NewClient(connect)
	own, ok := client.Transport.(*http.Transport)
	theirs, found := sdk.HTTPClient.(*awshttp.BuildableClient)
	if !ok || !found {
		return client
	}
	if t := theirs.GetTransport(); t.TLSClientConfig != nil {
		own.TLSClientConfig.RootCAs = t.TLSClientConfig.RootCAs
	}
	return client
}

// secrets are what must never be kept of the credentials.
func (c *Config) secrets(ctx context.Context, sdk *aws.Config) ([]providers.Key, error) {
	if !c.Key.Empty() {
		return []providers.Key{c.Key}, nil
	}
	if sdk.Credentials == nil {
		return nil, c.noCredentials(errors.New("none are configured"))
	}
	found, err := sdk.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, c.noCredentials(err)
	}
	return []providers.Key{providers.NewKey(found.SecretAccessKey), providers.NewKey(found.SessionToken)}, nil
}

func (c *Config) noCredentials(err error) error {
	return eval.WithHint(eval.KindCredentials, fmt.Errorf("provider %s: no AWS credentials: %w", c.Name, err),
		"log in (`aws sso login`), name a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or "+KeyEnv)
}

// Call asks for one answer.
func (c *Client) Call(ctx context.Context, req *eval.Request) eval.Response {
	in, err := encode(req)
	if err != nil {
		return eval.Response{Failure: providers.Unsent(err, c.redact)}
	}
	limits := c.cfg.Timeouts
	if req.Limits.Timeout > 0 {
		limits.Total = req.Limits.Timeout
	}
	if req.Limits.FirstToken > 0 {
		limits.FirstToken = req.Limits.FirstToken
	}
	x := exchange{c: c, call: httpx.Start(ctx, limits), stream: req.Stream}
	defer x.call.End()
	if req.Stream {
		x.converseStream(in)
	} else {
		x.converse(in)
	}
	x.finish()
	return x.r
}
