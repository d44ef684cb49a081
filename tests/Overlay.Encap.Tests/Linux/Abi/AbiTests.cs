using System.Collections.Frozen;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Tests.Linux.Abi;

/// <summary>
/// Compares every constant and every structure that the Abi room and <see cref="Errno"/> declare with what the C compiler makes of the same
/// name. They are found by reflection, so that a new declaration is tested from its first day.
/// </summary>
public sealed class AbiTests
{
    private const string Namespace = "Overlay.Encap.Linux.Abi";

    // Declared by headers newer than those of the oldest distribution that builds us; skipped where absent, wrong nowhere.
    private static readonly FrozenSet<string> Recent = ["TUN_F_USO4", "TUN_F_USO6", "TUN_F_UDP_TUNNEL_GSO", "TUN_F_UDP_TUNNEL_GSO_CSUM", "IFLA_GSO_IPV4_MAX_SIZE"];

    private static readonly Lazy<Dictionary<string, long>> Ours = new(Declared);
    private static readonly Lazy<Dictionary<string, long>?> Theirs = new(() => CProgram.Evaluate(Ours.Value.Keys));

    public static TheoryData<string> Expressions => [.. Ours.Value.Keys];

    [Theory]
    [MemberData(nameof(Expressions))]
    public void Declaration_is_what_the_C_compiler_says(string expression)
    {
        Assert.SkipWhen(Theirs.Value is null, "no C compiler (cc) is installed");
        bool isDeclared = Theirs.Value!.TryGetValue(expression, out long value);
        Assert.SkipWhen(!isDeclared && Recent.Contains(expression), $"the installed kernel headers do not declare {expression}");
        Assert.True(isDeclared, $"the headers do not declare {expression}");
        Assert.Equal(value, Ours.Value[expression]);
    }

    [Fact]
    public void Every_structure_and_constant_class_is_found()
    {
        Assert.Contains("sizeof(struct ifreq)", Ours.Value.Keys);
        Assert.Contains("offsetof(struct mmsghdr, msg_len)", Ours.Value.Keys);
        Assert.Contains("UDP_SEGMENT", Ours.Value.Keys);
        Assert.Contains("EBADFD", Ours.Value.Keys);
        Assert.Equal(40, Ours.Value["sizeof(struct ifreq)"]);
    }

    private static Dictionary<string, long> Declared()
    {
        Type[] types = [.. typeof(TunAbi).Assembly.GetTypes().Where(type => type.Namespace == Namespace && !type.IsNested)];
        Dictionary<string, long> declared = [];
        foreach (FieldInfo constant in types.SelectMany(type => type.GetFields()).Where(field => field.IsLiteral))
        {
            string expression = constant.Name switch
            {
                nameof(UdpAbi.CMSG_HDRLEN) => "CMSG_LEN(0)",
                // A complement of flags, of type int in C; applied to 16 bits.
                nameof(NetlinkAbi.NLA_TYPE_MASK) => "(__u16)NLA_TYPE_MASK",
                _ => constant.Name,
            };
            declared.Add(expression, Convert.ToInt64(constant.GetRawConstantValue(), CultureInfo.InvariantCulture));
        }
        foreach (Type type in types.Where(type => type.IsValueType)) AddStructure(declared, type);
        foreach (Errno errno in Enum.GetValues<Errno>().Where(errno => errno != Errno.None)) declared.Add(errno.ToString(), (long)errno);
        foreach (int length in (int[])[1, 2, 4, 8, 12])
        {
            declared.Add($"CMSG_LEN({length})", UdpAbi.CMSG_LEN(length));
            declared.Add($"CMSG_SPACE({length})", UdpAbi.CMSG_SPACE(length));
            declared.Add($"CMSG_ALIGN({length})", UdpAbi.CMSG_ALIGN(length));
        }
        return declared;
    }

    private static void AddStructure(Dictionary<string, long> declared, Type type)
    {
        declared.Add($"sizeof(struct {type.Name})", Marshal.SizeOf(type));
        foreach (FieldInfo field in type.GetFields())
        {
            declared.Add($"offsetof(struct {type.Name}, {field.Name})", Marshal.OffsetOf(type, field.Name));
            declared.Add($"sizeof(((struct {type.Name} *)0)->{field.Name})", field.FieldType.IsPointer ? nint.Size : Marshal.SizeOf(field.FieldType));
        }
    }

    [Fact]
    public void Managed_layout_is_the_marshalled_layout()
    {
        // The comparison above asks the marshaller; the kernel gets the managed layout. For blittable structures both are one.
        Assert.Equal(Marshal.SizeOf<ifreq>(), Unsafe.SizeOf<ifreq>());
        Assert.Equal(Marshal.SizeOf<mmsghdr>(), Unsafe.SizeOf<mmsghdr>());
        Assert.Equal(Marshal.SizeOf<msghdr>(), Unsafe.SizeOf<msghdr>());
        Assert.Equal(Marshal.SizeOf<rtmsg>(), Unsafe.SizeOf<rtmsg>());
        Assert.Equal(Marshal.SizeOf<nlmsgerr>(), Unsafe.SizeOf<nlmsgerr>());
    }
}
