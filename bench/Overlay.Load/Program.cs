using System.CommandLine;
using System.Net;
using Overlay.Load;

// A load generator for namespaces on one machine: iperf3 makes one system call a packet, too slow for small ones.
// Every command is bounded in time and prints one line of tab-separated name=value pairs.

Option<string> from = new("--from") { Description = "local address", DefaultValueFactory = _ => "0.0.0.0" };
Option<string> to = new("--to") { Description = "address:port of the other side", Required = true };
Option<string> listen = new("--listen") { Description = "address:port to listen on", Required = true };
Option<double> seconds = new("--seconds") { Description = "how long", DefaultValueFactory = _ => 5 };
Option<int> size = new("--size") { Description = "payload bytes of a datagram, at least 16", DefaultValueFactory = _ => 64 };
Option<int> rate = new("--pps") { Description = "datagrams a second; 0 sends as fast as the socket takes them", DefaultValueFactory = _ => 0 };
Option<int> flows = new("--flows") { Description = "source ports to spread over", DefaultValueFactory = _ => 1 };

Command blast = new("udp-blast", "send numbered datagrams") { from, to, seconds, size, rate, flows };
blast.SetAction(p => UdpBlast.Run(
    IPAddress.Parse(p.GetValue(from)!), IPEndPoint.Parse(p.GetValue(to)!), p.GetValue(seconds), p.GetValue(size), p.GetValue(rate), p.GetValue(flows)));
Command sink = new("udp-sink", "count numbered datagrams until the time is over: delivered, lost, late, twice, longest silence") { listen, seconds };
sink.SetAction(p => UdpSink.Run(IPEndPoint.Parse(p.GetValue(listen)!), p.GetValue(seconds)));
Command echo = new("tcp-echo", "answer one-byte requests of one client") { listen, seconds };
echo.SetAction(p => TcpRoundTrips.Serve(IPEndPoint.Parse(p.GetValue(listen)!), p.GetValue(seconds)));
Command roundTrips = new("tcp-rr", "send one byte, wait for one byte, again") { to, seconds };
roundTrips.SetAction(p => TcpRoundTrips.Ask(IPEndPoint.Parse(p.GetValue(to)!), p.GetValue(seconds)));

return new RootCommand("load for overlay benchmarks") { blast, sink, echo, roundTrips }.Parse(args).Invoke();
