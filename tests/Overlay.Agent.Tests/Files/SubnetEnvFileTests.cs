using System.Net;
using System.Text;
using Overlay.Agent.Files;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Files;

public sealed class SubnetEnvFileTests : IDisposable
{
    private static readonly SubnetEnv Env = new(IPNetwork.Parse("10.1.0.0/16"), IPNetwork.Parse("10.1.15.0/24"), 1450, Masquerade: true);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Bytes_are_flannels() => Assert.Equal(
        "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.15.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"u8.ToArray(), Env.ToBytes());

    [Fact]
    public void Masquerading_off_is_false_and_small_subnets_work() => Assert.EndsWith(
        "FLANNEL_SUBNET=10.1.15.253/30\nFLANNEL_MTU=8951\nFLANNEL_IPMASQ=false\n",
        Encoding.ASCII.GetString((Env with { Subnet = IPNetwork.Parse("10.1.15.252/30"), Mtu = 8951, Masquerade = false }).ToBytes()));

    [Fact]
    public void J3_file_is_0644_in_a_folder_of_0755_whatever_the_umask()
    {
        string path = _folder.File("run/flannel/subnet.env");
        Assert.True(SubnetEnvFile.TryWrite(path, Env, out string? problem), problem);
        Assert.Equal(Env.ToBytes(), File.ReadAllBytes(path));
        Assert.Equal("644", Mode(path));
        Assert.Equal("755", Mode(_folder.File("run")));
        Assert.Equal("755", Mode(_folder.File("run/flannel")));
        Assert.Equal("700", Mode(_folder.Path));
    }

    [Fact]
    public void J3_a_write_replaces_the_file_and_leaves_no_other()
    {
        string path = _folder.File("subnet.env");
        File.WriteAllText(path, "old");
        File.WriteAllText(_folder.File(".subnet.env.overlay-agent.tmp"), "left by a crash");
        using FileStream reader = File.OpenRead(path);
        Assert.True(SubnetEnvFile.TryWrite(path, Env, out _));

        using var old = new StreamReader(reader);
        Assert.Equal("old", old.ReadToEnd());
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task J3_a_reader_sees_the_old_file_or_the_new_one_and_never_a_mixture()
    {
        string path = _folder.File("subnet.env");
        SubnetEnv other = Env with { Subnet = IPNetwork.Parse("10.1.16.0/24"), Mtu = 1400, Masquerade = false };
        Assert.True(SubnetEnvFile.TryWrite(path, Env, out _));
        string[] whole = [Encoding.ASCII.GetString(Env.ToBytes()), Encoding.ASCII.GetString(other.ToBytes())];

        using var stop = new CancellationTokenSource();
        Task writer = Task.Run(() =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++) Assert.True(SubnetEnvFile.TryWrite(path, i % 2 == 0 ? other : Env, out string? problem), problem);
        }, TestContext.Current.CancellationToken);
        for (int i = 0; i < 2000; i++) Assert.Contains(File.ReadAllText(path), whole);
        await stop.CancelAsync();
        await writer;
    }

    [Fact]
    public void A_link_in_the_files_place_is_replaced_and_its_target_untouched()
    {
        string path = _folder.File("subnet.env");
        string target = _folder.File("target");
        File.WriteAllText(target, "mine");
        File.CreateSymbolicLink(path, target);
        Assert.True(SubnetEnvFile.TryWrite(path, Env, out _));
        Assert.Equal("mine", File.ReadAllText(target));
        Assert.Null(new FileInfo(path).LinkTarget);
    }

    [Fact]
    public void J2_a_folder_that_cannot_be_made_is_a_problem_and_no_exception()
    {
        File.WriteAllText(_folder.File("run"), "a file in the way");
        Assert.False(SubnetEnvFile.TryWrite(_folder.File("run/flannel/subnet.env"), Env, out string? problem));
        Assert.NotEmpty(problem);
    }

    [Fact]
    public void J2_a_full_or_read_only_disk_keeps_the_old_file_and_heals()
    {
        string disk = _folder.File("disk");
        Directory.CreateDirectory(disk);
        Assert.SkipUnless(Tool.Run("mount", "-t", "tmpfs", "-o", "size=16k,mode=755", "overlay-test", disk).ExitCode == 0, "cannot mount a tmpfs (not root?)");
        try
        {
            string path = Path.Combine(disk, "subnet.env");
            Assert.True(SubnetEnvFile.TryWrite(path, Env, out string? problem), problem);

            string filler = Path.Combine(disk, "filler");
            Assert.NotEqual(0, Tool.Run("dd", "if=/dev/zero", "of=" + filler, "bs=4k").ExitCode);
            Assert.False(SubnetEnvFile.TryWrite(path, Env with { Mtu = 1400 }, out problem));
            Assert.Contains("space", problem);
            Assert.Equal(Env.ToBytes(), File.ReadAllBytes(path));
            File.Delete(filler);
            Assert.Equal([path], Directory.GetFileSystemEntries(disk));

            Tool.Must("mount", "-o", "remount,ro", disk);
            Assert.False(SubnetEnvFile.TryWrite(path, Env with { Mtu = 1400 }, out problem));
            Assert.Contains("ead-only", problem);
            Tool.Must("mount", "-o", "remount,rw", disk);
            Assert.True(SubnetEnvFile.TryWrite(path, Env with { Mtu = 1400 }, out problem), problem);
        }
        finally
        {
            Tool.Must("umount", disk);
        }
    }

    private static string Mode(string path) => Convert.ToString((int)File.GetUnixFileMode(path), 8);
}
