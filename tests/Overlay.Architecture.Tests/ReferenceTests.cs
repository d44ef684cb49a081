namespace Overlay.Architecture.Tests;

/// <summary>Who may know whom. Each forbidden edge carries the reason that is printed when somebody adds it.</summary>
public class ReferenceTests
{
    private const string Encap = "Overlay.Encap", Subnet = "Overlay.Subnet", Agent = "Overlay.Agent";

    [Fact]
    public void The_data_plane_references_the_C_library_and_nothing_else()
    {
        string[] extra = [.. References(Encap).Except(["Tmds.LibC"])];

        Assert.True(extra.Length == 0, $"{Encap} references {string.Join(", ", extra)}. " +
            "It is a leaf, so that the packet path can be read, tested and measured without etcd, hosting or logging.");
    }

    [Theory]
    [InlineData(Subnet, Encap, "a lease must be testable without a packet; what both need meets in Overlay.Agent")]
    [InlineData(Subnet, Agent, "references run one way: the agent composes, nobody knows it")]
    [InlineData(Encap, Agent, "references run one way: the agent composes, nobody knows it")]
    [InlineData(Subnet, "Tmds.LibC", "the control plane has no system call of its own; Overlay.Encap/Linux is the only gate")]
    [InlineData(Subnet, "Microsoft.Extensions.Hosting", "life and death of the process belong to Overlay.Agent")]
    [InlineData(Agent, "dotnet-etcd", "etcd is behind the store of Overlay.Subnet, which wraps the pitfalls of its client library")]
    [InlineData(Agent, "Tmds.LibC", "system calls are behind Overlay.Encap/Linux")]
    public void A_forbidden_reference_is_absent(string from, string to, string reason) =>
        Assert.False(References(from).Contains(to), $"{from} must not reference {to}: {reason}.");

    [Fact]
    public void Only_the_agent_knows_both_planes()
    {
        string[] both = [.. Repository.SourceProjects().Where(name => References(name).IsSupersetOf([Encap, Subnet]))];

        Assert.Equal([Agent], both);
    }

    [Fact]
    public void Sources_do_not_reference_tests_or_benchmarks()
    {
        string[] outside = [.. Repository.SourceProjects().SelectMany(ProjectPaths).Where(path => path.Contains("/tests/") || path.Contains("/bench/"))];

        Assert.True(outside.Length == 0, $"test code would be shipped: {string.Join(", ", outside)}");
    }

    // Packages by name, projects by the name of their file.
    private static HashSet<string> References(string project) =>
        [.. Items(project, "PackageReference"), .. ProjectPaths(project).Select(path => Path.GetFileNameWithoutExtension(path))];

    private static IEnumerable<string> ProjectPaths(string project) => Items(project, "ProjectReference").Select(path => path.Replace('\\', '/'));

    private static IEnumerable<string> Items(string project, string kind) =>
        Repository.Project(project).Descendants(kind).Select(item => item.Attribute("Include")!.Value);
}
