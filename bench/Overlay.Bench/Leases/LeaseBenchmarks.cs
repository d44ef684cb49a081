using System.Text;
using BenchmarkDotNet.Attributes;
using Overlay.Bench.Reporting;
using Overlay.Subnet.Model;

namespace Overlay.Bench.Leases;

/// <summary>What one lease event costs the control plane before anything is done about it.</summary>
public class LeaseBenchmarks
{
    private readonly byte[] _value = Encoding.UTF8.GetBytes(
        """{"PublicIP":"192.168.100.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"fe:0c:99:5a:37:ec"}}""");

    /// <summary>A subnet key.</summary>
    [Benchmark]
    [Work(0)]
    public bool ParseKey() => SubnetKey.TryParse("10.1.26.0-24", out _, out _);

    /// <summary>A lease value as flannel writes it.</summary>
    [Benchmark]
    [Work(0)]
    public bool ParseValue() => LeaseAttributes.TryParse(_value, out _, out _);
}
