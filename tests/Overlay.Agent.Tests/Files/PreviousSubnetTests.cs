using System.Net;
using System.Net.Sockets;
using Overlay.Agent.Files;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Files;

/// <summary>Reading back a file that anybody may have written.</summary>
public sealed class PreviousSubnetTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string EnvPath => _folder.File("subnet.env");

    [Theory]
    [InlineData("FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.15.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n", "10.1.15.0/24")]
    [InlineData("FLANNEL_SUBNET=10.1.15.1/24", "10.1.15.0/24")]
    [InlineData("FLANNEL_SUBNET=\"10.1.15.1/24\"\r\n", "10.1.15.0/24")]
    [InlineData("export FLANNEL_SUBNET='10.1.15.1/24' # comment", "10.1.15.0/24")]
    [InlineData("# FLANNEL_SUBNET=1.1.1.1/24\n\n  FLANNEL_SUBNET = 10.1.15.1/24 # comment\n", "10.1.15.0/24")]
    [InlineData("FLANNEL_SUBNET=10.1.14.1/24\nFLANNEL_SUBNET=10.1.15.1/24\n", "10.1.15.0/24")]
    [InlineData("FLANNEL_SUBNET=garbage,10.1.15.1/24\n", "10.1.15.0/24")]
    [InlineData("DOCKER_OPT_BIP=\"--bip=10.1.74.1/24\"\nDOCKER_OPTS=\" --bip=10.1.74.1/24\"\nFLANNEL_SUBNET=10.1.15.1/24\n=x\n\u0001\n", "10.1.15.0/24")]
    [InlineData("\uFEFFFLANNEL_SUBNET=10.1.15.1/24\n", "10.1.15.0/24")]
    public void J1_a_subnet_is_found_in_any_content(string content, string expected)
    {
        File.WriteAllText(EnvPath, content);
        PreviousSubnet previous = SubnetEnvFile.ReadPrevious(EnvPath);
        Assert.Equal(IPNetwork.Parse(expected), previous.Subnet);
        Assert.Null(previous.Problem);
    }

    [Theory]
    [InlineData("")]
    [InlineData("FLANNEL_SUB")]
    [InlineData("FLANNEL_SUBNET=")]
    [InlineData("FLANNEL_SUBNET=10.1.15.1")]
    [InlineData("FLANNEL_SUBNET=10.1.15.1/33")]
    [InlineData("FLANNEL_SUBNET=10.1.15.1/024")]
    [InlineData("FLANNEL_SUBNET=10.1.15/24")]
    [InlineData("FLANNEL_SUBNET=fd00::1/64")]
    [InlineData("FLANNEL_SUBNET=10.1.15.1/24,10.1.16.1/24")]
    [InlineData("DOCKER_OPTS=\" --bip=10.1.74.1/24 --ip-masq=true --mtu=1472\"")]
    [InlineData("\0\0\0\0")]
    public void J1_a_file_without_a_subnet_is_ignored_with_a_reason(string content)
    {
        File.WriteAllText(EnvPath, content);
        PreviousSubnet previous = SubnetEnvFile.ReadPrevious(EnvPath);
        Assert.Null(previous.Subnet);
        Assert.NotNull(previous.Problem);
        Assert.DoesNotContain(previous.Problem, char.IsControl);
    }

    [Fact]
    public void J1_no_file_is_no_problem() => Assert.Equal(new PreviousSubnet(null, null, null), SubnetEnvFile.ReadPrevious(EnvPath));

    [Fact]
    public void J1_a_FIFO_is_not_waited_for()
    {
        Tool.Must("mkfifo", EnvPath);
        AssertRefused("FIFO");
    }

    [Fact]
    public void J1_a_folder_is_refused()
    {
        Directory.CreateDirectory(EnvPath);
        AssertRefused("folder");
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/nowhere/at/all")]
    [InlineData("subnet.env")]
    public void J1_a_link_is_refused(string target)
    {
        File.CreateSymbolicLink(EnvPath, target);
        AssertRefused("symbolic link");
    }

    [Fact]
    public void J1_a_socket_is_refused()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(EnvPath));
        AssertRefused("not a regular file");
    }

    [Fact]
    public void J1_a_gigabyte_is_refused_unread()
    {
        using (FileStream file = File.Create(EnvPath)) file.SetLength(1L << 30);
        long before = GC.GetAllocatedBytesForCurrentThread();
        AssertRefused("longer than");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void J1_mode_000_is_refused_unless_root_reads_it_anyway()
    {
        File.WriteAllText(EnvPath, "FLANNEL_SUBNET=10.1.15.1/24\n");
        File.SetUnixFileMode(EnvPath, UnixFileMode.None);
        PreviousSubnet previous = SubnetEnvFile.ReadPrevious(EnvPath);
        Assert.NotEqual(previous.Subnet is null, previous.Problem is null);
    }

    private void AssertRefused(string reason)
    {
        PreviousSubnet previous = SubnetEnvFile.ReadPrevious(EnvPath);
        Assert.Null(previous.Subnet);
        Assert.Contains(reason, previous.Problem);
    }
}
