using Ocellus.Training.Job;

namespace Ocellus.Tests.Training.Job;

public sealed class JobFolderTests : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("ocellus-job-").FullName;
    private readonly List<string> _damaged = [];

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{\"projectVersionArn\":")]
    [InlineData("{}")]
    public void A_damaged_description_is_told_with_its_path(string text)
    {
        var file = Path.Combine(_path, "job.json");
        File.WriteAllText(file, text);
        Assert.StartsWith($"{file} is damaged", Assert.Throws<InvalidDataException>(() => new JobFolder(_path).Read()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("outcome.json")]
    [InlineData("pictures.json")]
    public void What_can_be_made_anew_is_taken_for_absent_and_told(string name)
    {
        var file = Path.Combine(_path, name);
        var folder = new JobFolder(_path) { Damaged = _damaged.Add };
        foreach (var text in new[] { "", "[{", "null" })
        {
            File.WriteAllText(file, text);
            Assert.Null(folder.ReadOutcome());
            Assert.Null(folder.ReadImages());
        }

        Assert.Equal(3, _damaged.Count);
        Assert.All(_damaged, d => Assert.StartsWith($"{file} is damaged", d, StringComparison.Ordinal));
    }
}
