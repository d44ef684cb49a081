using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Testing.Etcd;

namespace Overlay.Agent.Tests.Support;

/// <summary>One real etcd for the tests of verbs; each test takes a prefix of its own.</summary>
public sealed class EtcdOfTests : IAsyncLifetime
{
    private int _prefixes;

    internal EtcdServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        if (EtcdServer.Missing is null) Server = await EtcdServer.StartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (Server is not null) await Server.DisposeAsync();
    }

    /// <summary>A network of its own for a test.</summary>
    internal EtcdNetwork NewNetwork()
    {
        Assert.SkipWhen(EtcdServer.Missing is not null, EtcdServer.Missing ?? "");
        return new EtcdNetwork(Server.Endpoint, $"/verbs-{Interlocked.Increment(ref _prefixes)}");
    }
}

/// <summary>What one test has in etcd.</summary>
internal sealed class EtcdNetwork(string endpoint, string prefix) : IDisposable
{
    public EtcdLeaseStore Store { get; } = new(new EtcdOptions { Endpoints = [endpoint], Prefix = prefix }, NullLogger<EtcdLeaseStore>.Instance);

    /// <summary>The flags that lead there.</summary>
    public string[] Flags { get; } = [$"--etcd-endpoints={endpoint}", $"--etcd-prefix={prefix}"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async Task<WriteResult> PutAsync(string path, string value, long etcdLeaseId = 0)
    {
        StoreRecord? standing = await GetAsync(path);
        return await Store.PutAsync(path, System.Text.Encoding.UTF8.GetBytes(value), etcdLeaseId, standing, Cancel);
    }

    /// <summary>Writes a node's lease as an agent does, and returns its etcd lease.</summary>
    public async Task<long> LeaseAsync(string key, string publicIp, string? nodeId = "node-of-a-test", uint vni = 1)
    {
        (long id, _) = await Store.GrantAsync(TimeSpan.FromHours(24), Cancel);
        LeaseAttributes node = new()
        {
            PublicIP = System.Net.IPAddress.Parse(publicIp),
            BackendType = "vxlan",
            Vni = vni,
            VtepMac = $"02:00:00:00:00:{System.Net.IPAddress.Parse(publicIp).GetAddressBytes()[3]:x2}",
            NodeId = nodeId,
        };
        WriteResult result = await Store.PutAsync("subnets/" + key, node.ToJson(), id, null, Cancel);
        Assert.True(result.Succeeded);
        return id;
    }

    public async Task<StoreRecord?> GetAsync(string path) => (await Store.ReadAsync(path, Cancel)).Records is [var record] ? record : null;

    public async Task<string?> TextAsync(string path) => await GetAsync(path) is { } record ? System.Text.Encoding.UTF8.GetString(record.Value.Span) : null;

    public Task<VerbRun> RunAsync(params string[] arguments) => VerbRun.OfAsync([.. arguments, .. Flags]);

    public Task<VerbRun> RunAsync(Func<string?> answer, params string[] arguments) => VerbRun.OfAsync([.. arguments, .. Flags], answer: answer);

    public void Dispose() => Store.Dispose();
}
