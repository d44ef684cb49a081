using System.Security.Cryptography;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>A real etcd with authentication by signed tokens, each of which dies with the next change of any user or role.</summary>
public sealed class EtcdLoginTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task C11_a_role_changed_under_a_running_agent_does_not_interrupt_it()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        await using EtcdServer server = await EtcdServer.StartAsync(Cancel);
        await server.KillAsync();
        await server.StartAgainAsync(Cancel, "--auth-token", SignedTokens(server.DirectoryPath));
        await server.EnableAuthAsync(Cancel);
        var options = new EtcdOptions { Endpoints = [server.Endpoint], Username = "flannel", Password = "secret" };
        await using var node = new LeaseClient(options, 1, timing: new() { Ttl = TimeSpan.FromSeconds(6), RenewMargin = TimeSpan.Zero }); // renewed every 2 s
        await node.StartAsync(Some.Config, Cancel);
        await using var other = new LeaseClient(options, 2);
        for (int change = 1; change <= 2; change++)
        {
            int renewals = node.Count<LeaseHappening.Renewed>();
            await server.CtlAsync(Cancel, "--user=root:root", "role", "add", $"another{change}");
            await Eventually.TrueAsync(() => node.Count<LeaseHappening.Renewed>() >= renewals + 2, "renewed with a new login");
        }
        await other.StartAsync(Some.Config, Cancel);
        await Eventually.TrueAsync(() => node.Watcher.Current.Leases.Count == 2, "the watch still stands");
        Assert.Equal((0, 0, 0), (node.Count<LeaseHappening.EtcdUnreachable>(), node.Count<LeaseHappening.Recreated>(), node.Count<LeaseHappening.Moved>()));

        using EtcdLeaseStore store = EtcdFixture.Open(options);
        StoreSnapshot before = await store.ReadAsync(StorePaths.Subnets, Cancel);
        await server.CtlAsync(Cancel, "--user=root:root", "role", "add", "a-third");
        Assert.Equal(before.Records.Count, (await store.ReadAsync(StorePaths.Subnets, Cancel)).Records.Count);
        await server.CtlAsync(Cancel, "--user=root:root", "role", "add", "a-fourth");
        Assert.True((await store.PutAsync("subnets/a", "1"u8.ToArray(), 0, null, Cancel)).Succeeded);
    }

    private static string SignedTokens(string folder)
    {
        using RSA key = RSA.Create(2048);
        (string secret, string open) = (Path.Combine(folder, "token.key"), Path.Combine(folder, "token.pub"));
        File.WriteAllText(secret, key.ExportRSAPrivateKeyPem());
        File.WriteAllText(open, key.ExportSubjectPublicKeyInfoPem());
        return $"jwt,pub-key={open},priv-key={secret},sign-method=RS256,ttl=10m";
    }
}
