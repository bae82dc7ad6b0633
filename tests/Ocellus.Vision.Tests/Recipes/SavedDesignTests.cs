using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class SavedDesignTests
{
    [Fact]
    public void A_choice_is_read_back_by_its_own_training_alone()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            var design = new ClassifierDesign(new ClassifierInput(800, 608, true), ClassifierHeadKind.Evidence);
            new SavedDesign("key", design, [new DesignTrial(design, .98)]).Write(Path.Combine(folder, "checkpoint"));

            SavedDesign read = SavedDesign.Read(Path.Combine(folder, "checkpoint"), "key")!;
            Assert.Equal((design, .98), (read.Chosen, Assert.Single(read.Trials).Score));
            Assert.Null(SavedDesign.Read(Path.Combine(folder, "checkpoint"), "another"));
            Assert.Null(SavedDesign.Read(folder, "key"));
            Assert.Null(SavedDesign.Read(null, "key"));
            foreach (string damaged in (string[])["{", "null", "{\"Key\":\"key\"}", "{\"Key\":\"key\",\"Chosen\":null,\"Trials\":[]}"])
            {
                File.WriteAllText(Path.Combine(folder, "checkpoint", SavedDesign.FileName), damaged);
                Assert.Null(SavedDesign.Read(Path.Combine(folder, "checkpoint"), "key"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_choice_of_another_set_or_limit_is_not_taken()
    {
        var task = new ClassifierTask(DrawnScenes.Files([[], []]), [[0], [1]], ["a", "b"], MultiLabel: false);
        var plan = new ClassifierPlan { Search = new DesignSearch() };
        string key = SavedDesign.KeyOf(task, plan);

        Assert.Equal(key, SavedDesign.KeyOf(task, plan with { Threads = 1, TimeBudget = TimeSpan.FromSeconds(5) }));
        Assert.NotEqual(key, SavedDesign.KeyOf(task, plan with { Seed = 1 }));
        Assert.NotEqual(key, SavedDesign.KeyOf(task, plan with { Search = new DesignSearch { AnswerTimeMax = TimeSpan.FromMilliseconds(20) } }));
        Assert.NotEqual(key, SavedDesign.KeyOf(task with { Targets = [[1], [0]] }, plan));
    }
}
