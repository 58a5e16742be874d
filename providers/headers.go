package providers

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxWait caps what a server may ask us to wait.
const maxWait = 60 * time.Second

// RetryAfter reads how long the server asks to wait, clamped to 0…60 s, from
// retry-after-ms, x-ms-retry-after-ms and retry-after (seconds or an HTTP date,
// counted from the response's own Date), or from Gemini's RetryInfo in the
// body. nil means that it does not say, or says nonsense.
func RetryAfter(h http.Header, body string) *time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, err := strconv.ParseFloat(strings.TrimSpace(h.Get(name)), 64); err == nil {
			return clampWait(ms / 1000)
		}
	}
	if v := strings.TrimSpace(h.Get("Retry-After")); v != "" {
		if s, err := strconv.ParseFloat(v, 64); err == nil {
			return clampWait(s)
		}
		at, err := http.ParseTime(v)
		if err != nil {
			return nil
		}
		from, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			return nil
		}
		return clampWait(at.Sub(from).Seconds())
	}
	if m := retryDelay.FindStringSubmatch(body); m != nil {
		if s, err := strconv.ParseFloat(m[1], 64); err == nil {
			return clampWait(s)
		}
	}
	return nil
}

var retryDelay = regexp.MustCompile(`"retryDelay"\s*:\s*"([0-9.]{1,12})s"`)

func clampWait(seconds float64) *time.Duration {
	if math.IsNaN(seconds) {
		return nil
	}
	d := time.Duration(math.Min(math.Max(seconds, 0), maxWait.Seconds()) * float64(time.Second))
	return &d
}

// requestIDHeaders name a call at the provider, in order of preference.
var requestIDHeaders = []string{"X-Request-Id", "Request-Id", "Apim-Request-Id", "X-Amzn-Requestid", "X-Generation-Id", "Cf-Ray"}

// RequestID returns the provider's own name for the call; "" = none. Like all
// headers it may echo a key: adapters redact it.
func RequestID(h http.Header) string {
	for _, name := range requestIDHeaders {
		if v := h.Get(name); v != "" {
			return clip(v)
		}
	}
	return ""
}

// RateLimits returns the rate-limit headers by lower-case name; nil = none.
func RateLimits(h http.Header) map[string]string {
	var out map[string]string
	for name, v := range h {
		l := strings.ToLower(name)
		if len(v) == 0 || !strings.HasPrefix(l, "x-ratelimit-") && !strings.HasPrefix(l, "anthropic-ratelimit-") && l != "retry-after" && l != "retry-after-ms" {
			continue
		}
		if out == nil {
			out = make(map[string]string)
		}
		out[l] = clip(v[0])
	}
	return out
}

// ServiceTier returns the service tier that a header says was billed, where the
// body does not: Gemini's. "" = the standard one, or not said.
func ServiceTier(h http.Header) string {
	tier := strings.ToLower(h.Get("X-Gemini-Service-Tier"))
	if tier == "standard" || tier == "unspecified" {
		return ""
	}
	return clip(tier)
}

// BackendTime returns the processing time that the server reports in a header;
// nil = it does not.
func BackendTime(h http.Header) *time.Duration {
	ms, err := strconv.ParseFloat(h.Get("Openai-Processing-Ms"), 64)
	if err != nil || ms < 0 || ms > 1e8 {
		return nil
	}
	d := time.Duration(ms * float64(time.Millisecond))
	return &d
}
