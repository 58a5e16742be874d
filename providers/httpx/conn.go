package httpx

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// stampedConn notes when bytes last came. A goroutine that waits for an answer
// runs some time after the bytes are there; with many calls at once on few cores
// that time is our own queue and not the provider's.
type stampedConn struct {
	net.Conn
	born time.Time
	last atomic.Int64 // nanoseconds from born to the last byte that came
}

// Read reads, and notes when.
func (c *stampedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.last.Store(int64(time.Since(c.born)))
	}
	return n, err
}

// lastByte is when bytes last came.
func (c *stampedConn) lastByte() time.Time { return c.born.Add(time.Duration(c.last.Load())) }

// stamped finds the stamped connection below a transport's; nil = there is none,
// or several calls share it (HTTP/2), so that its last byte may be another's.
func stamped(c net.Conn) *stampedConn {
	if t, ok := c.(*tls.Conn); ok {
		if t.ConnectionState().NegotiatedProtocol == "h2" {
			return nil
		}
		c = t.NetConn()
	}
	s, _ := c.(*stampedConn)
	return s
}
