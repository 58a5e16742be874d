// Package drill proves what a routing file does: it starts upstreams that fail as
// they are told, sends each task type through every class of failure, and counts
// the calls that each upstream received. What the rule says of each case, and how
// the difference is judged, is package route's.
//
// Everything happens on loopback, with keys that are none, and ends by itself: the
// upstreams close, every call has a time limit, and a gateway that was started is
// ended with all its children.
package drill

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"infer/eval"
	"infer/providers/simulate"
	"infer/report/route"
)

// Limits of a drill.
const (
	// Parallel is how many task types are drilled at once.
	Parallel = 3
	// callTime bounds one case: no retry rule that a drill shortens takes longer.
	callTime = 90 * time.Second
)

// The question that every case asks. Its parts are hashed at the upstreams.
const (
	systemPrompt = "You are a drill. Answer in one word."
	question     = "Which upstream are you?"
	toolsJSON    = `[{"type":"function","function":{"name":"look_up","description":"Looks something up.","parameters":{"type":"object","properties":{"q":{"type":"string"}},"required":["q"]}}}]`
)

// Options of a drill.
type Options struct {
	Routes  *route.Routes // the rule
	Types   []string      // only these task types; none = all
	Cases   []string      // only these cases; none = all
	Timeout time.Duration // cap on the file's time limits
	Port    int           // of upstream A; B, C and stray follow; 0 = free ports
	OnCase  func(*route.DrillCase)
}

// Ground is the upstreams of a drill, listening.
type Ground struct {
	opts    Options
	up      map[string]*simulate.Upstream
	base    map[string]string
	servers []*http.Server
	wg      sync.WaitGroup
}

// Caller sends one question through whatever is drilled and says what came.
type Caller interface {
	Ask(ctx context.Context, x *route.Route, c route.Case) route.Observed
}

// Open starts the upstreams on loopback.
func Open(o Options) (*Ground, error) {
	g := &Ground{opts: o, up: make(map[string]*simulate.Upstream), base: make(map[string]string)}
	for i, name := range []string{route.UpstreamA, route.UpstreamB, route.UpstreamC, route.UpstreamStray} {
		port := 0
		if o.Port > 0 {
			port = o.Port + i
		}
		var lc net.ListenConfig
		l, err := lc.Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			g.Close()
			return nil, eval.WithHint(eval.KindOperational, fmt.Errorf("start upstream %s: %w", name, err), "choose another --port")
		}
		u := simulate.NewUpstream(name)
		srv := &http.Server{Handler: u, ReadHeaderTimeout: 10 * time.Second}
		g.up[name], g.base[name] = u, "http://"+l.Addr().String()+"/v1"
		g.servers = append(g.servers, srv)
		g.wg.Add(1)
		go func() {
			defer g.wg.Done()
			_ = srv.Serve(l) // ends with Close
		}()
	}
	return g, nil
}

// Close stops the upstreams and cuts off what they still hold.
func (g *Ground) Close() {
	for _, s := range g.servers {
		_ = s.Close()
	}
	g.wg.Wait()
}

// modelOf is the model string that stands for a task type at an upstream: its own
// for each, so that several types can be drilled at once.
func (g *Ground) modelOf(taskType, upstream string) string {
	for i := range g.opts.Routes.Routes {
		if g.opts.Routes.Routes[i].TaskType == taskType {
			return fmt.Sprintf("drill-%d-%s", i+1, strings.ToLower(upstream))
		}
	}
	return "drill-stray"
}

// Detour is where a file is redirected to.
func (g *Ground) Detour() route.Detour {
	return route.Detour{Timeout: g.opts.Timeout.Milliseconds(), Wait: 500,
		To: func(taskType, upstream string) (string, string) {
			return g.modelOf(taskType, upstream), g.base[upstream]
		}}
}

// Run drills every task type, several at once, and judges what it sees.
func (g *Ground) Run(ctx context.Context, by Caller, d *route.Drill) error {
	d.Cases = []route.DrillCase{}
	results := make([][]seen, len(g.opts.Routes.Routes))
	var wg sync.WaitGroup
	slots := make(chan struct{}, Parallel)
	for i := range g.opts.Routes.Routes {
		x := &g.opts.Routes.Routes[i]
		if !wanted(g.opts.Types, x.TaskType) {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] = g.types(ctx, by, x, d.Losses)
		}()
	}
	wg.Wait()
	for i := range results {
		for _, s := range results[i] {
			d.Add(&g.opts.Routes.Routes[i], s.c, s.o)
		}
	}
	return context.Cause(ctx)
}

type seen struct {
	c route.Case
	o route.Observed
}

func wanted(list []string, name string) bool {
	for _, n := range list {
		if n == name {
			return true
		}
	}
	return len(list) == 0
}

// types drills one task type, case by case.
func (g *Ground) types(ctx context.Context, by Caller, x *route.Route, losses []route.Loss) []seen {
	var out []seen
	for _, c := range route.Cases() {
		if ctx.Err() != nil || !wanted(g.opts.Cases, c.Name) {
			continue
		}
		o := g.try(ctx, by, x, c)
		if ctx.Err() != nil {
			break // cut off: it says nothing
		}
		out = append(out, seen{c, o})
		if g.opts.OnCase != nil {
			one := route.Drill{Losses: losses}
			g.opts.OnCase(one.Add(x, c, o))
		}
	}
	return out
}

// try makes the upstreams fail as the case says, asks once, and reads what they
// received.
func (g *Ground) try(ctx context.Context, by Caller, x *route.Route, c route.Case) route.Observed {
	for name, u := range g.up {
		model := g.modelOf(x.TaskType, name)
		u.Forget(model)
		u.Fail(model, simulate.FaultNone)
	}
	g.up[route.UpstreamA].Fail(g.modelOf(x.TaskType, route.UpstreamA), simulate.Fault(c.Fault))
	if c.Both {
		g.up[route.UpstreamB].Fail(g.modelOf(x.TaskType, route.UpstreamB), simulate.Fault(c.Fault))
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	start := time.Now()
	o := by.Ask(ctx, x, c)
	o.Took = time.Since(start)
	g.read(x, &o)
	return o
}

// read fills in what the upstreams received.
func (g *Ground) read(x *route.Route, o *route.Observed) {
	o.SamePrompt, o.SameTools, o.SameParams = true, true, true
	system, tools := eval.DigestOf([]byte(systemPrompt)), simulate.CanonicalDigest([]byte(toolsJSON))
	counts := map[string]*int{route.UpstreamA: &o.Calls.A, route.UpstreamB: &o.Calls.B, route.UpstreamC: &o.Calls.C}
	var first *simulate.UpstreamCall
	for _, name := range []string{route.UpstreamA, route.UpstreamB, route.UpstreamC} {
		calls := g.up[name].Calls(g.modelOf(x.TaskType, name))
		*counts[name] = len(calls)
		for i := range calls {
			o.SamePrompt = o.SamePrompt && calls[i].System == system
			if first == nil {
				first = &calls[i]
			}
			o.SameTools = o.SameTools && calls[i].Tools == first.Tools
			o.RewroteTools = o.RewroteTools || calls[i].Tools != tools
			o.SameParams = o.SameParams && calls[i].Params == first.Params
			if name == route.UpstreamA && i > 0 {
				o.Waits = append(o.Waits, calls[i].At.Sub(calls[i-1].At).Seconds())
			}
		}
	}
	o.Calls.Stray = len(g.up[route.UpstreamStray].Calls("drill-stray"))
}
