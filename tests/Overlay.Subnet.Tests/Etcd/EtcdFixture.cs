using Overlay.Subnet.Etcd;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

[assembly: AssemblyFixture(typeof(Overlay.Subnet.Tests.Etcd.EtcdFixture))]

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>One etcd for all tests that do not hurt it; each test has a prefix of its own.</summary>
public sealed class EtcdFixture : IAsyncLifetime
{
    private static int _prefixes;
    private EtcdServer? _server;

    public EtcdServer Server => _server!;

    public EtcdOptions NewOptions() => new() { Endpoints = [Server.Endpoint], Prefix = $"/test-{Interlocked.Increment(ref _prefixes)}/network" };

    internal static EtcdLeaseStore Open(EtcdOptions options) => new(options, new ListLogger<EtcdLeaseStore>());

    public async ValueTask InitializeAsync()
    {
        if (EtcdServer.Missing is null)
            _server = await EtcdServer.StartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}
