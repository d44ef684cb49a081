using System.Net;
using System.Net.Sockets;
using Overlay.Agent.Configuration;
using Overlay.Agent.Doctor;
using Overlay.Agent.Reading;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>A look at this machine with an etcd that never answers.</summary>
public class ExaminationTests
{
    [Fact]
    public async Task What_does_not_answer_in_time_is_skipped_and_the_rest_is_reported()
    {
        // Its queue takes the connection and nobody ever reads from it.
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        AgentOptions options = Some.Node.Options with { Etcd = new EtcdSettings { Endpoints = [new Uri($"http://{silent.LocalEndpoint}")], Prefix = "/coreos.com/network" } };
        Examination examination = new(new DoctorSettings(options, "a test", []), new HostFiles(), TimeProvider.System, TimeSpan.FromMilliseconds(1), _ => { });

        IReadOnlyList<Finding> findings = await examination.RunAsync(TestContext.Current.CancellationToken);

        Assert.True(examination.GaveUp);
        Assert.Contains(findings, f => f.Check == Checks.Steal && f is { Verdict: Verdict.Skip, Found: "given up after 0 s" });
        Assert.Contains(findings, f => f.Check == Checks.Config && f is { Verdict: Verdict.Skip, Found: "etcd: given up after 0 s" });
        Assert.Contains(findings, f => f.Check == Checks.Forward && f.Verdict == Verdict.Skip);
        Assert.Contains(findings, f => f.Check == Checks.Agent && f.Verdict == Verdict.Fail);   // that was there to be seen
        Assert.Contains(findings, f => f.Check == Checks.SubnetFile);
    }
}
