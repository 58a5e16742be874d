// Package judge holds the graders that ask a model: by a rubric, by comparing two
// answers, or by the facts of a reference.
//
// What a judge is shown is data. The judged answer is blinded (nothing says who
// wrote it), stands between marks that it cannot hold, and the judge is told that
// nothing between them is an instruction. The verdict must be one of a few words,
// each with a code made for this question alone.
//
// What that guarantees: no text of the answer, copied by the judge to whatever
// place and in whatever form, is ever read as a verdict; and a judgement that
// cannot be read leaves the answer unscored, never passed. What it does not: a
// model that an answer talks round chooses the passing word by itself, and that
// is a verdict like any other. How often it happens depends on the model; it is
// why rates that rest on judges alone are marked, and why people check samples of
// them.
package judge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"sync"

	"infer/eval"
)

// Caller asks one model. It retries as that model's rule says, and returns every
// attempt, billed.
type Caller interface {
	Ask(ctx context.Context, req *eval.Request) (eval.Response, []eval.Attempt)
}

// Keeper keeps what judges said under a digest of what they were asked.
type Keeper interface {
	// Kept returns an answer; ok is false where none is kept.
	Kept(ctx context.Context, key eval.Digest) (answer eval.Untrusted, ok bool, err error)
	// Intend notes, durably, that a call is about to be made.
	Intend(ctx context.Context, key eval.Digest, kind, name string, asked []byte) error
	// Keep stores what came of the call: an answer, or nil and failed attempts.
	Keep(ctx context.Context, key eval.Digest, answer *eval.Untrusted, attempts []eval.Attempt) error
}

// Judge is one model that may be asked.
type Judge struct {
	Candidate eval.Candidate
	Caller    Caller // set before the first answer is graded
}

// Panel is every judge of a project. Its Keeper must be set before the first
// answer is graded.
type Panel struct {
	Judges map[string]*Judge
	Keeper Keeper

	mu     sync.Mutex
	used   map[string]bool
	asking map[eval.Digest]*asked
}

// Used returns the judges that rules name, sorted.
func (p *Panel) Used() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]string, 0, len(p.used))
	for name := range p.used {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// Names returns every judge, sorted.
func (p *Panel) Names() []string {
	if p == nil {
		return nil
	}
	out := make([]string, 0, len(p.Judges))
	for name := range p.Judges {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// Seat gives a grader its judges. Unknown is the first name that is none.
func (p *Panel) Seat(b *Bench) (unknown string) {
	for _, name := range b.Judge {
		if p == nil || p.Judges[name] == nil {
			return name
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used == nil {
		p.used = make(map[string]bool)
	}
	for _, name := range b.Judge {
		p.used[name] = true
	}
	b.panel = p
	return ""
}

// asked is one question under way, for others that ask the same.
type asked struct {
	done     chan struct{}
	answer   eval.Untrusted
	attempts []eval.Attempt
	err      error
}

// ask puts a request to a judge, or reads back what the judge said to it before.
// The same question is never under way twice.
func (p *Panel) ask(ctx context.Context, name string, key eval.Digest, req *eval.Request) (eval.Untrusted, eval.Call, error) {
	call := eval.Call{Key: key, Name: name}
	if answer, ok, err := p.Keeper.Kept(ctx, key); err != nil || ok {
		call.Cached = true
		return answer, call, err
	}
	p.mu.Lock()
	if p.asking == nil {
		p.asking = make(map[eval.Digest]*asked)
	}
	if other, ok := p.asking[key]; ok {
		p.mu.Unlock()
		select {
		case <-other.done:
			call.Cached = true
			return other.answer, call, other.err
		case <-ctx.Done():
			return "", call, context.Cause(ctx)
		}
	}
	a := &asked{done: make(chan struct{})}
	p.asking[key] = a
	p.mu.Unlock()
	var ok bool
	if a.answer, ok, a.err = p.Keeper.Kept(ctx, key); ok { // it came since
		call.Cached = true
	} else if a.err == nil {
		a.answer, a.attempts, a.err = p.call(ctx, name, key, req)
	}
	p.mu.Lock()
	delete(p.asking, key)
	p.mu.Unlock()
	close(a.done)
	for i := range a.attempts {
		call.Cost = call.Cost.Plus(a.attempts[i].Cost)
		call.Took += a.attempts[i].InFlight + a.attempts[i].Backoff
	}
	call.Attempts = len(a.attempts)
	return a.answer, call, a.err
}

// call makes a real call and keeps what came of it.
func (p *Panel) call(ctx context.Context, name string, key eval.Digest, req *eval.Request) (eval.Untrusted, []eval.Attempt, error) {
	body, err := json.Marshal(struct {
		Model    string         `json:"model"`
		System   string         `json:"system"`
		Messages []eval.Message `json:"messages"`
		Params   eval.Params    `json:"params,omitempty"`
	}{req.Model, req.System, req.Messages, req.Params})
	if err != nil {
		return "", nil, fmt.Errorf("write question: %w", err)
	}
	if err := p.Keeper.Intend(ctx, key, "judge", name, body); err != nil {
		return "", nil, err
	}
	resp, attempts := p.Judges[name].Caller.Ask(ctx, req)
	var answer *eval.Untrusted
	if resp.Failure == nil {
		answer = &resp.Text
	}
	if err := p.Keeper.Keep(context.WithoutCancel(ctx), key, answer, attempts); err != nil {
		return "", attempts, err
	}
	if resp.Failure != nil {
		return "", attempts, resp.Failure
	}
	return resp.Text, attempts, nil
}

// Bench is the judges of one grader.
type Bench struct {
	Judge Names `json:"judge" doc:"the judge: a name under judges or candidates; of several, more than half must agree" required:"true"`
	Draws int   `json:"draws,omitempty" doc:"how often a judge is asked at most until the judgement can be read; default 2"`
	Limit int   `json:"max_chars,omitempty" doc:"an answer of more characters is unscored; default 60000"`

	panel *Panel
}

// Names is a name or a list of names.
type Names []string

// UnmarshalJSON reads a text or a list of texts.
func (n *Names) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*n = Names{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return errors.New("a judge is a name or a list of names")
	}
	*n = many
	return nil
}

// check refuses a bench that cannot judge.
func (b *Bench) check() error {
	seen := make(map[string]bool, len(b.Judge))
	for _, n := range b.Judge {
		if n == "" || seen[n] {
			return fmt.Errorf("judge %q stands twice or has no name", eval.Untrusted(n).Line(40))
		}
		seen[n] = true
	}
	if len(b.Judge) == 0 {
		return errors.New("no judge is named")
	}
	if b.Draws < 0 || b.Draws > 10 || b.Limit < 0 {
		return errors.New("draws is not between 1 and 10, or max_chars is below 0")
	}
	return nil
}

// vote is what one judge said.
type vote struct {
	name    string
	label   string // "" = nothing that can be read
	reasons string
	err     error
}

// question is what is put to every judge of a bench.
type question struct {
	kind   string   // names the form, so that no two forms share a key
	labels []string // the verdicts to choose from
	parts  []eval.Part
	// write is the prompt with the data between marks.
	write func(s *seal) (system, user string)
	data  []string // everything the prompt holds that was written by others
}

// poll asks every judge of the bench.
func (b *Bench) poll(ctx context.Context, q *question) ([]vote, []eval.Call) {
	votes := make([]vote, len(b.Judge))
	calls := make([][]eval.Call, len(b.Judge))
	var wg sync.WaitGroup
	for i, name := range b.Judge {
		wg.Add(1)
		go func() {
			defer wg.Done()
			votes[i], calls[i] = b.one(ctx, name, q)
		}()
	}
	wg.Wait()
	var all []eval.Call
	for _, c := range calls {
		all = append(all, c...)
	}
	return votes, all
}

// one asks one judge, again where the judgement cannot be read.
func (b *Bench) one(ctx context.Context, name string, q *question) (vote, []eval.Call) {
	v := vote{name: name}
	var calls []eval.Call
	draws := b.Draws
	if draws == 0 {
		draws = 2
	}
	for draw := range draws {
		s := newSeal(b.key(name, q, draw), q.labels)
		for _, d := range q.data {
			if s.holds(d) {
				v.err = errors.New("the answer holds the marks of the question about it")
				return v, calls
			}
		}
		j := b.panel.Judges[name]
		req := &eval.Request{Model: j.Candidate.Model, Params: j.Candidate.Params, Stream: j.Candidate.Stream, Limits: j.Candidate.Limits, Draw: draw}
		system, user := q.write(s)
		if j.Candidate.Prompt.System != "" {
			system = j.Candidate.Prompt.System + "\n\n" + system
		}
		req.System = system
		req.Messages = []eval.Message{{Role: "user", Parts: append([]eval.Part{{Type: eval.PartText, Text: user}}, q.parts...)}}
		answer, call, err := b.panel.ask(ctx, name, s.key, req)
		calls = append(calls, call)
		if v.err = err; err != nil {
			return v, calls
		}
		if v.label, v.reasons, v.err = s.read(answer.Raw()); v.err == nil {
			return v, calls
		}
	}
	return v, calls
}

// key names a question to one judge: whoever the judge is and whatever it is
// shown, down to the last byte.
func (b *Bench) key(name string, q *question, draw int) eval.Digest {
	c := b.panel.Judges[name].Candidate
	blank := &seal{labels: q.labels}
	system, user := q.write(blank)
	id := c.Digest()
	return eval.DigestJSON(struct {
		Form   string
		Judge  eval.Digest
		System string
		User   string
		Parts  []eval.Part
		Labels []string
		Draw   int
	}{"infer.judge/1/" + q.kind, id, system, user, q.parts, q.labels, draw})
}
