using Overlay.Subnet.Etcd;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>A real etcd that is killed, frozen, compacted, locked, and things that are no etcd.</summary>
public sealed class EtcdFaultTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task<EtcdServer> StartAsync()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        return await EtcdServer.StartAsync(Cancel);
    }

    [Fact]
    public async Task C7_kill_9_and_restart_lose_no_event()
    {
        await using EtcdServer server = await StartAsync();
        using EtcdLeaseStore store = EtcdFixture.Open(server.Options);
        await using var follow = new SubnetFollower(store);
        await PutAsync(server, "before");
        await follow.SeesAsync("before");
        for (int round = 0; round < 2; round++)
        {
            await server.KillAsync();
            await server.StartAgainAsync(Cancel);
            for (int i = 0; i < 5; i++)
                await PutAsync(server, $"{round}-{i}");
            await follow.SeesAsync([.. Enumerable.Range(0, 5).Select(i => $"{round}-{i}")]);
        }
    }

    [Fact]
    public async Task C8_compaction_while_disconnected_leads_to_a_new_snapshot()
    {
        await using EtcdServer server = await StartAsync();
        await using var relay = new TcpRelay(server.ClientPort);
        using EtcdLeaseStore store = EtcdFixture.Open(new EtcdOptions { Endpoints = [$"http://127.0.0.1:{relay.Port}"] });
        await using var follow = new SubnetFollower(store);
        await PutAsync(server, "stays");
        await PutAsync(server, "goes");
        await follow.SeesAsync("stays", "goes");

        relay.Mode = RelayMode.Stall;
        relay.Cut();
        await server.CtlAsync(Cancel, "del", "/coreos.com/network/subnets/goes");
        await PutAsync(server, "new");
        string revision = (await server.CtlAsync(Cancel, "get", "x", "-w", "fields")).Split('\n').First(line => line.Contains("Revision")).Split(':')[1].Trim();
        await server.CtlAsync(Cancel, "compact", revision);
        relay.Mode = RelayMode.Pass;
        relay.Cut();
        await follow.SeesAsync("new");
        Assert.Equal(["new", "stays"], follow.LastSnapshot);
    }

    [Fact]
    public async Task C9_a_frozen_etcd_is_noticed_and_followed_again_when_it_thaws()
    {
        await using EtcdServer server = await StartAsync();
        using EtcdLeaseStore store = EtcdFixture.Open(server.Options);
        await using var follow = new SubnetFollower(store);
        await PutAsync(server, "before");
        await follow.SeesAsync("before");
        await server.SuspendAsync(Cancel);
        await Eventually.TrueAsync(() => follow.IsLost, "the stall is noticed");
        await server.ResumeAsync(Cancel);
        await PutAsync(server, "after");
        await follow.SeesAsync("after");
    }

    [Fact]
    public async Task C11_with_authentication_a_watch_survives_the_restart_that_voids_its_token()
    {
        await using EtcdServer server = await StartAsync();
        await server.EnableAuthAsync(Cancel);
        using EtcdLeaseStore store = EtcdFixture.Open(new EtcdOptions { Endpoints = [server.Endpoint], Username = "flannel", Password = "secret" });
        await using var follow = new SubnetFollower(store);
        await PutAsync(server, "before", "--user=root:root");
        await follow.SeesAsync("before");
        await server.KillAsync();
        await server.StartAgainAsync(Cancel);
        await PutAsync(server, "after", "--user=root:root");
        await follow.SeesAsync("after");
        await store.ReadAsync("config", Cancel); // and the first unary call does not fail on the old token
    }

    [Fact]
    public async Task C11_C34_login_and_permission_failures_say_what_is_missing()
    {
        await using EtcdServer server = await StartAsync();
        await server.EnableAuthAsync(Cancel, "read");
        StoreException none = await FailAsync(new EtcdOptions { Endpoints = [server.Endpoint] });
        Assert.Equal(StoreFault.Unauthenticated, none.Fault);
        Assert.Contains("set etcd-username", none.Message, StringComparison.Ordinal);

        StoreException wrong = await FailAsync(new EtcdOptions { Endpoints = [server.Endpoint], Username = "flannel", Password = "hunter2" });
        Assert.Equal(StoreFault.Unauthenticated, wrong.Fault);
        Assert.DoesNotContain("hunter2", wrong.ToString(), StringComparison.Ordinal);

        var reader = new EtcdOptions { Endpoints = [server.Endpoint], Username = "flannel", Password = "secret" };
        using EtcdLeaseStore store = EtcdFixture.Open(reader);
        await store.ReadAsync(StorePaths.Subnets, Cancel);
        StoreException denied = await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("subnets/a", "1"u8.ToArray(), 0, null, Cancel));
        Assert.Equal(StoreFault.PermissionDenied, denied.Fault);
        Assert.Equal(
            "cannot write /coreos.com/network/subnets/a: etcd user \"flannel\" lacks the write permission; "
            + "grant a role of it readwrite on the prefix /coreos.com/network/ (etcdctl role grant-permission --prefix)", denied.Message);

        StoreException elsewhere = await FailAsync(
            new EtcdOptions { Endpoints = [server.Endpoint], Username = "flannel", Password = "secret", Prefix = "/other" });
        Assert.Contains("lacks the read permission", elsewhere.Message, StringComparison.Ordinal);
        StoreException watching = await Assert.ThrowsAsync<StoreException>(async () =>
        {
            using EtcdLeaseStore other = EtcdFixture.Open(
                new EtcdOptions { Endpoints = [server.Endpoint], Username = "flannel", Password = "secret", Prefix = "/other" });
            await foreach (StoreChanges changes in other.WatchAsync(StorePaths.Subnets, 1, Cancel))
                Assert.Empty(changes.Records);
        });
        Assert.Equal(StoreFault.PermissionDenied, watching.Fault);
    }

    [Fact]
    public async Task C11_a_login_that_etcd_does_not_want_is_dropped_with_a_warning()
    {
        await using EtcdServer server = await StartAsync();
        var log = new ListLogger<EtcdLeaseStore>();
        using var store = new EtcdLeaseStore(new EtcdOptions { Endpoints = [server.Endpoint], Username = "flannel", Password = "secret" }, log);
        await store.ReadAsync("config", Cancel);
        Assert.Equal(1, log.Count("authentication off"));

        await server.EnableAuthAsync(Cancel); // switched on while we run: the login is used again
        await store.ReadAsync("config", Cancel);
    }

    [Fact]
    public async Task C11_a_full_database_says_so()
    {
        await using EtcdServer server = await StartAsync();
        using EtcdLeaseStore store = EtcdFixture.Open(server.Options);
        await server.KillAsync();
        await server.StartAgainAsync(Cancel, "--quota-backend-bytes", "65536");
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            for (int i = 0; i < 100; i++)
                await server.CtlAsync(Cancel, "put", $"junk{i}", new string('x', 20_000));
        });
        StoreException e = await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("subnets/a", "1"u8.ToArray(), 0, null, Cancel));
        Assert.Equal(StoreFault.OutOfSpace, e.Fault);
        Assert.Contains("NOSPACE", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task C32_a_write_whose_answer_was_lost_is_found_by_saying_it_again()
    {
        await using EtcdServer server = await StartAsync();
        await using var relay = new TcpRelay(server.ClientPort);
        using EtcdLeaseStore store = EtcdFixture.Open(
            new EtcdOptions { Endpoints = [$"http://127.0.0.1:{relay.Port}"], RequestTimeout = TimeSpan.FromSeconds(2) });
        (long lease, _) = await store.GrantAsync(TimeSpan.FromMinutes(5), Cancel);
        relay.Mode = RelayMode.SwallowAnswers;
        StoreException e = await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("subnets/a", "1"u8.ToArray(), lease, null, Cancel));
        Assert.Equal(StoreFault.Timeout, e.Fault);
        relay.Mode = RelayMode.Pass;
        relay.Cut();
        WriteResult result = default;
        for (int attempt = 0; !result.Succeeded; attempt++)
        {
            try
            {
                result = await store.PutAsync("subnets/a", "1"u8.ToArray(), lease, null, Cancel);
                Assert.True(result.Succeeded);
            }
            catch (StoreException) when (attempt < 20)
            {
                await Task.Delay(200, Cancel);
            }
        }
        Assert.Single((await store.ReadAsync(StorePaths.Subnets, Cancel)).Records);
    }

    [Fact]
    public async Task C7_one_dead_endpoint_of_two_is_no_hindrance()
    {
        await using EtcdServer server = await StartAsync();
        using EtcdLeaseStore store = EtcdFixture.Open(new EtcdOptions { Endpoints = [$"http://127.0.0.1:{EtcdServer.FreePort()}", server.Endpoint] });
        for (int i = 0; i < 6; i++)
            await store.ReadAsync("config", Cancel);
    }

    [Fact]
    public async Task C1_C35_what_is_no_etcd_ends_in_time_with_its_own_message()
    {
        StoreException nobody = await FailAsync(new EtcdOptions { Endpoints = [$"http://127.0.0.1:{EtcdServer.FreePort()}"] });
        Assert.Equal(StoreFault.Unreachable, nobody.Fault);
        Assert.Contains("refused", nobody.Message, StringComparison.Ordinal);

        using var web = new CannedServer("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        StoreException http1 = await FailAsync(new EtcdOptions { Endpoints = [$"http://127.0.0.1:{web.Port}"] });
        Assert.Equal(StoreFault.NotEtcd, http1.Fault);

        using var noise = new CannedServer("\0\u0001 SSH-2.0-nonsense\n");
        StoreException garbage = await FailAsync(new EtcdOptions { Endpoints = [$"http://127.0.0.1:{noise.Port}"], RequestTimeout = TimeSpan.FromSeconds(1) });
        Assert.Equal(StoreFault.Timeout, garbage.Fault); // read as the head of a long HTTP/2 frame

        using var mute = new CannedServer("");
        StoreException silent = await FailAsync(new EtcdOptions { Endpoints = [$"http://127.0.0.1:{mute.Port}"], RequestTimeout = TimeSpan.FromSeconds(1) });
        Assert.Equal(StoreFault.Timeout, silent.Fault);
    }

    [Fact]
    public async Task C35_an_answer_of_one_byte_a_second_times_out()
    {
        await using EtcdServer server = await StartAsync();
        await using var relay = new TcpRelay(server.ClientPort) { Mode = RelayMode.Trickle };
        StoreException e = await FailAsync(new EtcdOptions { Endpoints = [$"http://127.0.0.1:{relay.Port}"], RequestTimeout = TimeSpan.FromSeconds(2) });
        Assert.Equal(StoreFault.Timeout, e.Fault);
    }

    private static async Task<StoreException> FailAsync(EtcdOptions options)
    {
        using EtcdLeaseStore store = EtcdFixture.Open(options);
        return await Assert.ThrowsAsync<StoreException>(() => store.ReadAsync("config", Cancel));
    }

    private static Task<string> PutAsync(EtcdServer server, string name, params string[] flags) =>
        server.CtlAsync(Cancel, [.. flags, "put", $"/coreos.com/network/subnets/{name}", name]);
}
