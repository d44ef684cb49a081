using System.Text.RegularExpressions;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>Clocks that jump under an agent, and between two runs of it. No deadline of a lease may go by the clock on the wall.</summary>
public sealed partial class ClockTests : LifecycleTest
{
    private const int Year = 365 * 86400;

    // What the runtime asks for the time of day, moved by the number of seconds in a file.
    private const string Shim = """
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>
        static long *offset;
        __attribute__((constructor)) static void map(void) { offset = mmap(0, sizeof *offset, PROT_READ, MAP_SHARED, open(getenv("WALL_CLOCK"), O_RDONLY), 0); }
        int clock_gettime(clockid_t clock, struct timespec *time)
        {
            int result = syscall(SYS_clock_gettime, clock, time);
            if (clock == CLOCK_REALTIME) time->tv_sec += *offset;
            return result;
        }

        """;

    [Fact]
    public async Task K14_a_wall_clock_that_jumps_ten_years_either_way_disturbs_no_renewal()
    {
        Assert.SkipUnless(Privilege.IsInstalled("gcc"), "not installed: gcc");
        string shim = Path.Combine(Node.Folder, "clock.so"), clock = Path.Combine(Node.Folder, "clock");
        Tool.Must("gcc", ["-shared", "-fPIC", "-x", "c", "-", "-o", shim], Shim);
        await SetAsync(0);
        Dictionary<string, string> environment = new() { ["LD_PRELOAD"] = shim, ["WALL_CLOCK"] = clock };
        AgentProcess agent = Node.StartWith(environment, "--subnet-lease-ttl=5");
        await agent.ReadyAsync();
        KeyValuePair<string, string> lease = Assert.Single(Etcd.Leases());
        string id = EtcdLease();
        int year = YearOf(await LineAsync(agent));

        foreach (int years in new[] { 10, -10 })
        {
            await SetAsync(years * Year);
            Assert.InRange(YearOf(await LineAsync(agent)), year + years - 1, year + years + 1);
            // For longer than the lease lives.
            for (int i = 0; i < 4; i++) await RenewedAsync(id);
        }
        Assert.Equal((lease, id), (Assert.Single(Etcd.Leases()), EtcdLease()));

        // The state was written ten years ago, and then in ten years' time.
        foreach (int years in new[] { 10, -10 })
        {
            Assert.Equal(0, await agent.StopAsync());
            await SetAsync(years * Year);
            agent = Node.StartWith(environment, "--subnet-lease-ttl=5");
            await agent.ReadyAsync();
            await RenewedAsync(EtcdLease());
            Assert.Equal(lease, Assert.Single(Etcd.Leases()));
        }

        Task SetAsync(long seconds) => File.WriteAllBytesAsync(clock, BitConverter.GetBytes(seconds), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task K14_a_machine_whose_boot_clock_begins_anew_keeps_its_lease()
    {
        Node.StartThrough(["unshare", "--time", "--boottime", $"{3 * Year}", "--monotonic", $"{3 * Year}"], "--subnet-lease-ttl=5");
        await Node.Agent.ReadyAsync();
        KeyValuePair<string, string> lease = Assert.Single(Etcd.Leases());
        await RenewedAsync(EtcdLease());
        Assert.Equal(0, await Node.Agent.StopAsync());

        await Node.StartReadyAsync("--subnet-lease-ttl=5");
        await RenewedAsync(EtcdLease());
        Assert.Equal(lease, Assert.Single(Etcd.Leases()));
    }

    // The time that is left of it grows.
    private async Task RenewedAsync(string id)
    {
        int left = int.MaxValue;
        await Eventually.TrueAsync(() =>
        {
            int before = left;
            left = int.Parse(TimeLeft().Match(Etcd.Ctl("lease", "timetolive", id)).Groups[1].ValueSpan, provider: null);
            return left > before;
        }, "the lease is renewed", () => Node.Agent.LogText);
    }

    private string EtcdLease() =>
        Convert.ToString(long.Parse(LeaseId().Match(Etcd.Ctl("get", "--prefix", "-w", "json", $"{EtcdNode.Prefix}/subnets/")).Groups[1].ValueSpan, provider: null), 16);

    private static async Task<string> LineAsync(AgentProcess agent)
    {
        await agent.CountsAsync();
        return agent.Log[^1];
    }

    private static int YearOf(string line) => int.Parse(line.AsSpan(0, 4), provider: null);

    [GeneratedRegex("remaining\\(([0-9]+)s\\)")]
    private static partial Regex TimeLeft();

    [GeneratedRegex("\"lease\":([0-9]+)")]
    private static partial Regex LeaseId();
}
