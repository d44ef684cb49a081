using System.Net;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>TLS in all its ways to work and to fail, each failure with a line of its own (C11).</summary>
public sealed class EtcdTlsTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("overlay-tls-").FullName;
    private EtcdCertificates _authority = null!;
    private EtcdServer? _server;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private EtcdOptions Good => new()
    {
        Endpoints = [_server!.Endpoint],
        CaFile = _authority.CaFile,
        CertFile = _server.ClientCertFile,
        KeyFile = _server.ClientKeyFile,
    };

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        _authority = new EtcdCertificates(_directory);
        _server = await EtcdServer.StartAsync(Cancel, _authority);
    }

    public async ValueTask DisposeAsync()
    {
        _authority?.Dispose();
        if (_server is not null)
            await _server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Unary_calls_and_watches_work_with_a_client_certificate()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(Good);
        Assert.True((await store.PutAsync("subnets/a", "1"u8.ToArray(), 0, null, Cancel)).Succeeded);
        await using IAsyncEnumerator<StoreChanges> watch = store.WatchAsync(StorePaths.Subnets, 1, Cancel).GetAsyncEnumerator(Cancel);
        await watch.MoveNextAsync();
        await watch.MoveNextAsync();
        Assert.Equal("subnets/a", Assert.Single(watch.Current.Records).Path);
    }

    [Fact]
    public async Task J7_a_key_file_that_others_can_read_is_said_once()
    {
        var log = new ListLogger<EtcdLeaseStore>();
        using (var store = new EtcdLeaseStore(Good, log))
            await store.ReadAsync("config", Cancel);
        Assert.Equal(0, log.Count("etcd-keyfile"));

        File.SetUnixFileMode(Good.KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        using (var store = new EtcdLeaseStore(Good, log))
        {
            await store.ReadAsync("config", Cancel);
            store.Reconnect();
            await store.ReadAsync("config", Cancel);
        }
        Assert.Equal(1, log.Count("has mode 0644"));
    }

    [Fact]
    public async Task C11_each_tls_failure_has_its_own_advice()
    {
        using var other = new EtcdCertificates(Path.Combine(_directory, "other"), "other");
        (string strangerCert, string strangerKey) = other.Issue("stranger");
        (string expiredCert, string expiredKey) = _authority.Issue("expired", expired: true);

        await FailsAsync(new EtcdOptions { Endpoints = Good.Endpoints, CaFile = other.CaFile, CertFile = Good.CertFile, KeyFile = Good.KeyFile }, "not signed by etcd-cafile");
        await FailsAsync(new EtcdOptions { Endpoints = Good.Endpoints, CaFile = Good.CaFile }, "wants a client certificate");
        await FailsAsync(new EtcdOptions { Endpoints = Good.Endpoints, CaFile = Good.CaFile, CertFile = strangerCert, KeyFile = strangerKey }, "refuses our client certificate");
        await FailsAsync(new EtcdOptions { Endpoints = Good.Endpoints, CaFile = Good.CaFile, CertFile = expiredCert, KeyFile = expiredKey }, "refuses our client certificate");
        await FailsAsync(
            new EtcdOptions { Endpoints = [$"https://localhost:{_server!.ClientPort}"], CaFile = Good.CaFile, CertFile = Good.CertFile, KeyFile = Good.KeyFile },
            "not for the host name");
    }

    [Fact]
    public async Task C11_clear_text_to_a_tls_server_and_tls_to_a_clear_text_server_say_so()
    {
        await using EtcdServer plain = await EtcdServer.StartAsync(Cancel);
        await FailsAsync(new EtcdOptions { Endpoints = [plain.Endpoint.Replace("http://", "https://", StringComparison.Ordinal)], CaFile = Good.CaFile }, "does not speak TLS");
        using EtcdLeaseStore store = EtcdFixture.Open(new EtcdOptions { Endpoints = [Good.Endpoints[0].Replace("https://", "http://", StringComparison.Ordinal)] });
        // A server that closes before it has read everything resets the connection, and then that is all that can be said of this try.
        await Eventually.TrueAsync(
            async () => (await Assert.ThrowsAsync<StoreException>(() => store.ReadAsync("config", Cancel))).Message.Contains("https://", StringComparison.Ordinal), "said");
    }

    [Fact]
    public async Task C11_an_expired_server_certificate_says_so()
    {
        using var clock = new EtcdCertificates(Path.Combine(_directory, "expired"), "expired-ca");
        using var listener = new TlsListener(clock.Issue("old-server", IPAddress.Loopback, expired: true));
        await FailsAsync(new EtcdOptions { Endpoints = [$"https://127.0.0.1:{listener.Port}"], CaFile = clock.CaFile }, "expired");
    }

    [Fact]
    public async Task C11_certificates_are_read_again_when_the_files_change()
    {
        using var other = new EtcdCertificates(Path.Combine(_directory, "other"), "other");
        string ca = Path.Combine(_directory, "rolling-ca.pem");
        File.Copy(other.CaFile, ca);
        using EtcdLeaseStore store = EtcdFixture.Open(new EtcdOptions { Endpoints = Good.Endpoints, CaFile = ca, CertFile = Good.CertFile, KeyFile = Good.KeyFile });
        await Assert.ThrowsAsync<StoreException>(() => store.ReadAsync("config", Cancel));
        File.Copy(Good.CaFile, ca, overwrite: true);
        await store.ReadAsync("config", Cancel);
    }

    // The files are a reason to connect anew. But of a write that is told to have failed once, nobody may have sent two.
    [Fact]
    public async Task C11_C32_a_write_in_doubt_is_not_sent_again_when_the_files_have_changed()
    {
        string ca = Path.Combine(_directory, "rolling-ca.pem");
        File.Copy(Good.CaFile, ca);
        var log = new ListLogger<EtcdLeaseStore>();
        using var store = new EtcdLeaseStore(
            new EtcdOptions { Endpoints = Good.Endpoints, CaFile = ca, CertFile = Good.CertFile, KeyFile = Good.KeyFile, RequestTimeout = TimeSpan.FromSeconds(2) }, log);
        await store.ReadAsync("config", Cancel);
        await _server!.SuspendAsync(Cancel);
        await File.AppendAllTextAsync(ca, "\n", Cancel);
        Task<WriteResult> writing = store.PutAsync("subnets/a", "1"u8.ToArray(), 0, null, Cancel);
        await Eventually.TrueAsync(() => log.Lines.Any(line => line.Contains(" 2001 ", StringComparison.Ordinal)), "files read again");
        await _server.ResumeAsync(Cancel);
        Assert.Equal(StoreFault.Timeout, (await Assert.ThrowsAsync<StoreException>(() => writing)).Fault);
        await store.ReadAsync("config", Cancel);   // by the connection made anew
    }

    [Fact]
    public async Task C11_a_client_certificate_that_runs_out_under_a_follower_is_told_and_its_successor_taken_from_disk()
    {
        (string cert, string key) = _authority.Issue("short", life: TimeSpan.FromSeconds(4));
        DateTimeOffset end = DateTimeOffset.UtcNow.AddSeconds(5);
        using EtcdLeaseStore operators = EtcdFixture.Open(Good), store = EtcdFixture.Open(new EtcdOptions { Endpoints = Good.Endpoints, CaFile = Good.CaFile, CertFile = cert, KeyFile = key });
        await using var follow = new SubnetFollower(store);
        Assert.True((await operators.PutAsync("subnets/before", "1"u8.ToArray(), 0, null, Cancel)).Succeeded);
        await follow.SeesAsync("before");
        await Eventually.TrueAsync(() => DateTimeOffset.UtcNow > end, "the certificate has run out");

        await _server!.KillAsync();
        await _server.StartAgainAsync(Cancel);
        await operators.ReadAsync("config", Cancel);
        StoreException e = await Assert.ThrowsAsync<StoreException>(() => store.ReadAsync("config", Cancel));
        Assert.Contains("client certificate", e.Message, StringComparison.Ordinal);
        Assert.True((await operators.PutAsync("subnets/after", "1"u8.ToArray(), 0, null, Cancel)).Succeeded);

        _authority.Issue("short");
        await follow.SeesAsync("before", "after");
        await store.ReadAsync("config", Cancel);
    }

    [Fact]
    public async Task A_broken_certificate_file_names_its_flag_and_shows_nothing_of_it()
    {
        string broken = Path.Combine(_directory, "broken.pem");
        await File.WriteAllTextAsync(broken, "-----BEGIN PRIVATE KEY-----\nU0VDUkVU\n-----END PRIVATE KEY-----\n", Cancel);
        using EtcdLeaseStore store = EtcdFixture.Open(new EtcdOptions { Endpoints = Good.Endpoints, CaFile = Good.CaFile, CertFile = Good.CertFile, KeyFile = broken });
        StoreException e = await Assert.ThrowsAsync<StoreException>(() => store.ReadAsync("config", Cancel));
        Assert.StartsWith("etcd-certfile", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("U0VDUkVU", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_ca_alone_and_a_ca_with_user_and_password_work()
    {
        await using EtcdServer server = await EtcdServer.StartAsync(Cancel, _authority, clientCertificates: false);
        using (EtcdLeaseStore anonymous = EtcdFixture.Open(new EtcdOptions { Endpoints = [server.Endpoint], CaFile = _authority.CaFile }))
            await anonymous.ReadAsync("config", Cancel);
        await server.EnableAuthAsync(Cancel);
        using EtcdLeaseStore store = EtcdFixture.Open(
            new EtcdOptions { Endpoints = [server.Endpoint], CaFile = _authority.CaFile, Username = "flannel", Password = "secret" });
        Assert.True((await store.PutAsync("subnets/a", "1"u8.ToArray(), 0, null, Cancel)).Succeeded);
    }

    private static async Task FailsAsync(EtcdOptions options, string advice)
    {
        var log = new ListLogger<EtcdLeaseStore>();
        using var store = new EtcdLeaseStore(options, log);
        StoreException e = await Assert.ThrowsAsync<StoreException>(() => store.ReadAsync("config", Cancel));
        // The server closes with our request unread, so a reset can overtake its alert. Such a try points at the certificate too, and the next is asked.
        await Eventually.TrueAsync(
            async () =>
            {
                if (!e.Message.Contains("does the server want another client certificate", StringComparison.Ordinal))
                    return true;
                e = await Assert.ThrowsAsync<StoreException>(() => store.ReadAsync("config", Cancel));
                return false;
            },
            "answered with more than a reset");
        Assert.Contains(advice, e.Message, StringComparison.Ordinal);
        Assert.Equal(StoreFault.Tls, e.Fault);
    }
}
